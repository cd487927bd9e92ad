"""A server and its clients over TLS, in one process: prints the port, then does what each line read asks for.

`1.2` and `1.3` make a connection of that version over which HTTP/1.1 is spoken; `distrust` one whose client does not
accept the certificate. Prints `done`, and what was agreed on, as JSON.
"""
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

NAME = "shop.example.test"
folder = pathlib.Path(tempfile.mkdtemp())
certificate, key = folder / "certificate", folder / "key"
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
     "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", certificate],
    check=True, capture_output=True,
)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.set_alpn_protocols(["http/1.1"])
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    while True:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                while connection.recv(4096):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        except OSError:
            plain.close()


def connect(what):
    client = ssl.create_default_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    version = ssl.TLSVersion.TLSv1_3 if what == "1.3" else ssl.TLSVersion.TLSv1_2
    client.minimum_version = client.maximum_version = version
    if what != "distrust":
        client.load_verify_locations(certificate)
    with socket.create_connection(listener.getsockname()) as plain:
        with client.wrap_socket(plain, server_hostname=NAME) as connection:
            for _ in range(20):
                connection.sendall(b"GET /secret HTTP/1.1\r\nHost: shop\r\n\r\n")
                assert connection.recv(4096).endswith(b"hello")
            return [connection.version(), connection.cipher()[0], connection.selected_alpn_protocol()]


threading.Thread(target=serve, daemon=True).start()
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(connect(line.strip())), flush=True)
    except ssl.SSLCertVerificationError:
        print(json.dumps("refused"), flush=True)
