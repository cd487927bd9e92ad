"""A gRPC server on the port given. Messages are plain bytes, so that nothing has to be generated."""
import sys
import time
from concurrent import futures

import grpc

SERVICE = "shop.v1.Orders"


def get(request, context):
    return request


def fail(request, context):
    context.abort(grpc.StatusCode[request.decode()], "as asked for")


def sleep(request, context):
    time.sleep(float(request))
    return b"awake"


def add(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def watch(request, context):
    for number in range(int(request)):
        yield b"%d" % number


def chat(requests, context):
    for request in requests:
        yield request


handlers = {
    "Get": grpc.unary_unary_rpc_method_handler(get),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "Add": grpc.stream_unary_rpc_method_handler(add),
    "Watch": grpc.unary_stream_rpc_method_handler(watch),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
}
server = grpc.server(futures.ThreadPoolExecutor(16))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
