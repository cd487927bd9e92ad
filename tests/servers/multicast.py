"""Questions to groups, in a network of its own: `unshare --net python3 multicast.py`.

Prints `ready`. For each line read, `PORT GROUP NAME`, asks the group for an address of the name; a member of it answers
if the name begins with `here`. Prints how many bytes the answer has, or `silence`.
"""
import socket
import struct
import subprocess
import sys
import threading

subprocess.run(["ip", "link", "set", "lo", "up", "multicast", "on"], check=True)
subprocess.run(["ip", "route", "add", "224.0.0.0/4", "dev", "lo"], check=True)


def member(port, group):
    wanted = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wanted.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    wanted.bind(("", port))
    loop = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
    wanted.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, loop)
    while True:
        question, asker = wanted.recvfrom(9000)
        if b"\x04here" in question:
            answer = question[:2] + struct.pack(">HHHHH", 0x8400, 1, 1, 0, 0) + question[12:]
            answer += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 9])
            wanted.sendto(answer, asker)


for place in ((5353, "224.0.0.251"), (5355, "224.0.0.252")):
    threading.Thread(target=member, args=place, daemon=True).start()
print("ready", flush=True)
for number, line in enumerate(sys.stdin):
    port, group, name = line.split()
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">HHHHHH", 4000 + number, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    asker.settimeout(1)
    asker.sendto(question, (group, int(port)))
    try:
        print(len(asker.recv(9000)), flush=True)
    except TimeoutError:
        print("silence", flush=True)
    asker.close()
