"""Calls of the gRPC server at the port given. Prints a line of JSON for each: what this end knows of it.

Usage: grpc_client.py PORT kinds | grpc_client.py PORT unary COUNT SECONDS_BETWEEN
"""
import json
import sys
import time

import grpc

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
SERVICE = "shop.v1.Orders"


def report(method, status, sent, received, begun):
    nanoseconds = time.monotonic_ns() - begun
    line = {"method": f"{SERVICE}/{method}", "status": status, "sent": sent, "received": received}
    print(json.dumps(line | {"nanoseconds": nanoseconds}), flush=True)


def unary(method, request, timeout=None, metadata=None):
    begun = time.monotonic_ns()
    try:
        channel.unary_unary(f"/{SERVICE}/{method}")(request, timeout=timeout, metadata=metadata)
        report(method, "OK", 1, 1, begun)
    except grpc.RpcError as error:
        report(method, error.code().name, 1, 0, begun)


def cancelled():
    """A stream of which the client takes two messages and then no more."""
    begun = time.monotonic_ns()

    def requests():
        yield b"one"
        yield b"two"
        time.sleep(1)

    call = channel.stream_stream(f"/{SERVICE}/Chat")(requests())
    assert (next(call), next(call)) == (b"one", b"two")
    call.cancel()
    report("Chat", "CANCELLED", 2, 2, begun)


def kinds():
    secret = (("authorization", "Bearer t0p-s3cret"), ("x-request-id", "17"))
    unary("Get", b"small", metadata=secret)
    # Several frames in one call, which is less than the 64 KiB of a call that the probe copies.
    unary("Get", b"x" * 50_000)
    unary("Get", b"")
    for status in ["NOT_FOUND", "PERMISSION_DENIED", "INTERNAL", "UNAVAILABLE"]:
        unary("Fail", status.encode())
    unary("Missing", b"?")
    unary("Sleep", b"1", timeout=0.2)

    begun = time.monotonic_ns()
    assert channel.stream_unary(f"/{SERVICE}/Add")(b"12345" for _ in range(20)) == b"100"
    report("Add", "OK", 20, 1, begun)

    begun = time.monotonic_ns()
    assert len(list(channel.unary_stream(f"/{SERVICE}/Watch")(b"30"))) == 30
    report("Watch", "OK", 1, 30, begun)

    begun = time.monotonic_ns()
    assert len(list(channel.stream_stream(f"/{SERVICE}/Chat")(b"y" * 5_000 for _ in range(25)))) == 25
    report("Chat", "OK", 25, 25, begun)

    cancelled()
    # What the server says of the call that was given up is still on its way.
    time.sleep(0.3)
    unary("Get", b"last")


if sys.argv[2] == "kinds":
    kinds()
else:
    for _ in range(int(sys.argv[3])):
        unary("Get", b"again")
        time.sleep(float(sys.argv[4]))
channel.close()
