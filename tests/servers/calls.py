"""One HTTP exchange for each way in which Linux lets a program move bytes through a socket.

The server listens first and prints its port; a line on the standard input starts the exchanges. Each request's path
names the calls that both ends use for it.
"""
import ctypes
import os
import socket
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)


class IoVector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class MessageHeader(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(IoVector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class ManyHeader(ctypes.Structure):
    _fields_ = [("header", MessageHeader), ("length", ctypes.c_uint32)]


def messages(buffers):
    """An array of struct mmsghdr, one message with one vector for each buffer."""
    array = (ManyHeader * len(buffers))()
    vectors = (IoVector * len(buffers))()
    for index, buffer in enumerate(buffers):
        vectors[index] = IoVector(ctypes.addressof(buffer), ctypes.sizeof(buffer))
        array[index].header.vectors = ctypes.pointer(vectors[index])
        array[index].header.count = 1
    return array, vectors


def pieces(data, size):
    return [data[start:start + size] for start in range(0, len(data), size)]


def send_many(sock, data):
    buffers = [ctypes.create_string_buffer(piece, len(piece)) for piece in pieces(data, 11)]
    # More messages in one call than this are counted and left out.
    for start in range(0, len(buffers), 16):
        array, _keep = messages(buffers[start:start + 16])
        sent = libc.sendmmsg(sock.fileno(), array, len(array), 0)
        assert sent == len(array), (sent, ctypes.get_errno())


def receive_many(sock):
    buffers = [ctypes.create_string_buffer(16) for _ in range(8)]
    array, _keep = messages(buffers)
    received = libc.recvmmsg(sock.fileno(), array, len(array), 0x10000, None)  # MSG_WAITFORONE
    return b"".join(buffers[index].raw[:array[index].length] for index in range(max(received, 0)))


def send_spliced(sock, data):
    reader, writer = os.pipe()
    os.write(writer, data)
    left = len(data)
    while left:
        left -= os.splice(reader, sock.fileno(), left)
    os.close(reader)
    os.close(writer)


def receive_peeking(sock):
    sock.recv(5, socket.MSG_PEEK)
    sock.recv(4096, socket.MSG_PEEK)
    return sock.recv(4096)


def receive_vectored(sock):
    buffers = [bytearray(9) for _ in range(20)]
    count = os.readv(sock.fileno(), buffers)
    return b"".join(buffers)[:count]


def receive_message(sock):
    buffers = [bytearray(30), bytearray(4000)]
    count = sock.recvmsg_into(buffers)[0]
    return b"".join(buffers)[:count]


SEND = {
    "write": lambda sock, data: os.write(sock.fileno(), data),
    "sendto": lambda sock, data: sock.send(data),
    "writev": lambda sock, data: os.writev(sock.fileno(), pieces(data, 13)),
    "sendmsg": lambda sock, data: sock.sendmsg(pieces(data, 17)),
    "sendmmsg": send_many,
}
RECEIVE = {
    "read": lambda sock: os.read(sock.fileno(), 4096),
    "recvfrom": lambda sock: sock.recv(4096),
    "readv": receive_vectored,
    "recvmsg": receive_message,
    "recvmmsg": receive_many,
    "peek": receive_peeking,
}


def until_head_ends(sock, receive):
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(sock)
    return data


def serve(listener):
    while True:
        sock, _ = listener.accept()
        request = until_head_ends(sock, lambda sock: sock.recv(4096))
        sender, receiver = request.split(b" ")[1].decode().strip("/").split("/")[:2]
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
        if sender == "splice":
            sock.sendall(head)
            send_spliced(sock, b"s" * 100)
        elif sender == "large":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"l" * 100000)
        else:
            SEND[sender](sock, head + b"b" * 100)
        sock.close()


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=serve, args=(listener,), daemon=True).start()
sys.stdin.readline()
for sender in [*SEND, "splice", "large"]:
    for receiver in RECEIVE:
        sock = socket.create_connection(listener.getsockname())
        request = f"GET /{sender}/{receiver} HTTP/1.1\r\nHost: calls.example\r\n\r\n".encode()
        SEND.get(sender, SEND["write"])(sock, request)
        answer = until_head_ends(sock, RECEIVE[receiver])
        expected = 100000 if sender == "large" else 100
        body = len(answer.split(b"\r\n\r\n", 1)[1])
        while body < expected:
            body += len(RECEIVE[receiver](sock))
        sock.close()
print("done", flush=True)
sys.stdin.readline()
