"""A receiver of OTLP over HTTP and gRPC, with the published protos, that misbehaves as told.

Arguments: the port for HTTP, the port for gRPC, a file, and replies for the first requests, after which all goes well:
  503, 429            that status, with Retry-After: 1; over gRPC, UNAVAILABLE and RESOURCE_EXHAUSTED with RetryInfo
  500                 that status; over gRPC, INTERNAL
  slow                the answer comes after half a second
  half                a partial success: half of the items are rejected
  reset               the connection is reset before an answer; over gRPC, CANCELLED

If OTLP_TLS names a folder, both ports speak TLS with the server.pem and server.key in it, to clients with a certificate
of its ca.pem.

After each request that is taken, a line goes to the file: what was in it, as JSON, and the attributes of each item.
"""
import base64
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import any_pb2, json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

http_port, grpc_port, path, *replies = sys.argv[1:]
lock = threading.Lock()
taken = open(path, "a")


def next_reply():
    with lock:
        return replies.pop(0) if replies else "ok"


def service(resource):
    for attribute in resource.attributes:
        if attribute.key == "service.name":
            return attribute.value.string_value
    return ""


def points(metric):
    data = getattr(metric, metric.WhichOneof("data"))
    return list(data.data_points)


def items(kind, request):
    """Service, name, id, number and time of each item."""
    found = []
    if kind == "traces":
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.append([service(resource.resource), span.name, span.trace_id.hex() + span.span_id.hex(),
                                  span.kind, span.start_time_unix_nano])
    elif kind == "metrics":
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in points(metric):
                        number = point.as_int if hasattr(point, "as_int") else point.count
                        found.append([service(resource.resource), metric.name, "", number, point.time_unix_nano])
    else:
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    found.append([service(resource.resource), record.body.string_value, record.trace_id.hex(),
                                  record.severity_number, record.time_unix_nano])
    return found


def plain(value):
    which = value.WhichOneof("value")
    if which == "array_value":
        return [plain(member) for member in value.array_value.values]
    return getattr(value, which) if which else None


def attributes(kind, request):
    """The attributes of each item, in the order of the items."""
    if kind == "traces":
        found = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    elif kind == "metrics":
        found = [point for resource in request.resource_metrics for scope in resource.scope_metrics
                 for metric in scope.metrics for point in points(metric)]
    else:
        found = [record for resource in request.resource_logs for scope in resource.scope_logs
                 for record in scope.log_records]
    return [{attribute.key: plain(attribute.value) for attribute in item.attributes} for item in found]


def take(kind, request, way):
    line = {"kind": kind, "way": way, "items": items(kind, request), "attributes": attributes(kind, request)}
    with lock:
        taken.write(json.dumps(line) + "\n")
        taken.flush()


KINDS = {
    "traces": (trace_service_pb2.ExportTraceServiceRequest, trace_service_pb2.ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (metrics_service_pb2.ExportMetricsServiceRequest, metrics_service_pb2.ExportMetricsServiceResponse,
                "rejected_data_points"),
    "logs": (logs_service_pb2.ExportLogsServiceRequest, logs_service_pb2.ExportLogsServiceResponse, "rejected_log_records"),
}


def answer(kind, request, reply):
    response = KINDS[kind][1]()
    if reply == "half":
        setattr(response.partial_success, KINDS[kind][2], len(items(kind, request)) // 2)
        response.partial_success.error_message = "half of it is enough"
    return response


def ids_in_base64(value):
    """OTLP writes ids in hexadecimal, which the JSON of Protocol Buffers does not know."""
    if isinstance(value, dict):
        return {key: base64.b64encode(bytes.fromhex(member)).decode() if key in ("traceId", "spanId", "parentSpanId")
                else ids_in_base64(member) for key, member in value.items()}
    if isinstance(value, list):
        return [ids_in_base64(member) for member in value]
    return value


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def respond(self, status, content_type, body, *headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = next_reply()
        content_type = self.headers["Content-Type"]
        if reply in ("503", "429"):
            return self.respond(int(reply), content_type, b"", ("Retry-After", "1"))
        if reply == "500":
            return self.respond(500, content_type, b"")
        if reply == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Also the files that were made of it, or it stays open.
            self.rfile.close()
            self.wfile.close()
            self.connection.close()
            self.close_connection = True
            return None
        if reply == "slow":
            time.sleep(0.5)
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        kind = self.path.rpartition("/")[2]
        if content_type == "application/json":
            # Refuses names that it does not know.
            request = json_format.ParseDict(ids_in_base64(json.loads(body)), KINDS[kind][0]())
            take(kind, request, "http/json")
            text = json_format.MessageToJson(answer(kind, request, reply)).encode()
            return self.respond(200, content_type, text)
        request = KINDS[kind][0].FromString(body)
        take(kind, request, "http/protobuf")
        return self.respond(200, content_type, answer(kind, request, reply).SerializeToString())


def varint_field(number, value):
    return bytes([number << 3, value])


def bytes_field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


def retry_details():
    """google.rpc.Status with RetryInfo of one second; its Python library is not among the tests' packages."""
    info = any_pb2.Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=bytes_field(1, varint_field(1, 1)))
    return varint_field(1, 8) + bytes_field(3, info.SerializeToString())


def servicer(kind, base):
    def export(self, request, context):
        reply = next_reply()
        failures = {"503": grpc.StatusCode.UNAVAILABLE, "500": grpc.StatusCode.INTERNAL, "reset": grpc.StatusCode.CANCELLED,
                    "429": grpc.StatusCode.RESOURCE_EXHAUSTED}
        if reply == "429":
            context.set_trailing_metadata((("grpc-status-details-bin", retry_details()),))
        if reply in failures:
            context.abort(failures[reply], "as asked for")
        if reply == "slow":
            time.sleep(0.5)
        take(kind, request, "grpc")
        return answer(kind, request, reply)

    return type("Receiver", (base,), {"Export": export})()


server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer("traces", trace_service_pb2_grpc.TraceServiceServicer), server)
metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(
    servicer("metrics", metrics_service_pb2_grpc.MetricsServiceServicer), server)
logs_service_pb2_grpc.add_LogsServiceServicer_to_server(servicer("logs", logs_service_pb2_grpc.LogsServiceServicer), server)
web = ThreadingHTTPServer(("127.0.0.1", int(http_port)), Http)
folder = os.environ.get("OTLP_TLS")
if folder:
    certificate, key, authority = (open(f"{folder}/{name}", "rb").read() for name in ("server.pem", "server.key", "ca.pem"))
    credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
    server.add_secure_port(f"127.0.0.1:{grpc_port}", credentials)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    web.socket = context.wrap_socket(web.socket, server_side=True)
else:
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
server.start()
web.serve_forever()
