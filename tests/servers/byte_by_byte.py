"""Answers every request with heads and bodies that are written one byte at a time."""
import socket
import socketserver


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                received = self.request.recv(7)
                if not received:
                    return
                buffer += received
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            path = head.split(b" ")[1]
            body = b"you asked for " + path
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            for byte in answer:
                self.request.send(bytes([byte]))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
