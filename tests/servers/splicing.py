"""Exchanges whose responses the client reads by splice, save the head, with a pause after the first.

The server listens first and prints its port; a line on the standard input starts the exchanges.
"""
import os
import socket
import sys
import threading
import time

BODY = b"x" * 50_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"


def serve(listener):
    sock, _ = listener.accept()
    with sock:
        while sock.recv(4096):
            sock.sendall(HEAD)
            # The head must not be read together with a part of the body.
            time.sleep(0.01)
            sock.sendall(BODY)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.readline()
    sink = os.open("/dev/null", os.O_WRONLY)
    with socket.create_connection(listener.getsockname()) as sock:
        for number in range(6):
            sock.sendall(b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n" % number)
            assert sock.recv(len(HEAD)) == HEAD
            left = len(BODY)
            while left:
                reader, writer = os.pipe()
                taken = os.splice(sock.fileno(), writer, left)
                os.splice(reader, sink, taken)
                os.close(reader)
                os.close(writer)
                left -= taken
            if number == 0:
                # One more call that reads shows that something was read unseen.
                sock.sendall(b"GET /again HTTP/1.1\r\nHost: here\r\n\r\n")
                assert sock.recv(len(HEAD)) == HEAD
                left = len(BODY)
                while left:
                    left -= len(sock.recv(left))
                time.sleep(1)
    print("done", flush=True)


main()
