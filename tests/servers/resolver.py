"""The C library's resolver, in namespaces of its own: `unshare --mount --net python3 resolver.py FOLDER`.

There, a dnsmasq listens on port 53, for /etc/resolv.conf can name no other. Prints `ready`, then for each name read
the addresses that getaddrinfo gives, or its error, as JSON.
"""
import json
import pathlib
import socket
import subprocess
import sys
import time

folder = pathlib.Path(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for name, text in {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "nsswitch.conf": "hosts: dns\n",
}.items():
    (folder / name).write_text(text)
    subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)
server = subprocess.Popen(
    ["dnsmasq", "--keep-in-foreground", "--pid-file=", "--user=root", f"--conf-file={folder}/dnsmasq.conf"],
    stdin=subprocess.DEVNULL,
)
try:
    while True:
        try:
            socket.getaddrinfo("ready.example.test", None)
            break
        except socket.gaierror:
            assert server.poll() is None, "dnsmasq ended"
            time.sleep(0.1)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            found = socket.getaddrinfo(line.strip(), 80, type=socket.SOCK_STREAM)
            print(json.dumps(sorted(address[0] for *_, address in found)), flush=True)
        except socket.gaierror as error:
            print(json.dumps(str(error)), flush=True)
finally:
    server.kill()
