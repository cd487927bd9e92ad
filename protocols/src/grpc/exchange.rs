//! What a call means in OpenTelemetry's terms (semantic conventions 1.44, RPC and gRPC).

use std::{borrow::Cow, fmt};

use super::{Call, Status};
use crate::{
    Details, Endpoints, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Side, TraceParent,
    Value, ends, http::exchange::HttpExchange, metric_attributes::decimal, sanitise::target_text,
};

/// What stands for a method that the server does not have.
const OTHER: &str = "_OTHER";

/// One call, complete or in part.
pub(crate) struct GrpcExchange<'a> {
    pub(crate) http: HttpExchange<'a>,
    pub(crate) call: &'a Call,
    /// How it ended where the client reset the stream because nobody wants the response any more.
    pub(crate) given_up: Option<Status>,
}

impl<'a> GrpcExchange<'a> {
    /// The method as it was asked for, without the slash before it.
    fn method(&self) -> Option<Cow<'a, str>> {
        let path = self.http.path()?;
        Some(target_text(path.strip_prefix(b"/").unwrap_or(path))).filter(|method| !method.is_empty())
    }

    /// The status that was sent. A client that gives up sends none, but says that it does (`PROTOCOL-HTTP2.md`, "HTTP2
    /// Transport Mapping").
    fn status(&self) -> Option<Status> {
        self.call.status.or(self.given_up)
    }

    /// Whether the server says that it has no such method. Anybody can ask for any name, so such a name is none of low
    /// cardinality.
    fn is_unknown_method(&self) -> bool {
        match self.call.status {
            Some(status) => status == Status::UNIMPLEMENTED,
            // What proxies and servers of something else answer.
            None => self.http.status() == Some(404),
        }
    }

    /// An answer that is none of gRPC's: its status is all there is.
    fn http_error(&self) -> Option<u16> {
        self.http.status().filter(|&status| self.call.status.is_none() && status != 200)
    }

    /// The status of such an answer, if it means an error to that side.
    fn error_status(&self, side: Side) -> Option<u16> {
        let least = if side == Side::Server { 500 } else { 201 };
        self.http_error().filter(|&status| status >= least)
    }
}

impl Details for GrpcExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self.method() {
            Some(method) if !self.is_unknown_method() => out.write_str(&method),
            _ => out.write_str("grpc"),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(self.method().as_deref().unwrap_or("?"))?;
        match (self.status(), self.http_error(), self.http.transport_error()) {
            (Some(status), _, _) => write!(out, " {}", status.name()),
            (None, Some(status), _) => write!(out, " {status}"),
            (None, None, Some(error)) => write!(out, " {error}"),
            (None, None, None) => out.write_str(" ?"),
        }
    }

    fn error_type(&self, side: Side) -> Option<Cow<'_, str>> {
        if let Some(status) = self.status() {
            return status.is_error(side).then_some(Cow::Borrowed(status.name()));
        }
        match self.error_status(side) {
            Some(status) => Some(Cow::Owned(status.to_string())),
            None => self.http.transport_error().map(Cow::Borrowed),
        }
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("rpc.system.name", Value::Text(Cow::Borrowed("grpc")));
        if let Some(method) = self.method() {
            if self.is_unknown_method() {
                visit("rpc.method", Value::Text(Cow::Borrowed(OTHER)));
                visit("rpc.method_original", Value::Text(method));
            } else {
                visit("rpc.method", Value::Text(method));
            }
        }
        if let Some(status) = self.status() {
            visit("rpc.response.status_code", Value::Text(Cow::Borrowed(status.name())));
        }
        if let Some(status) = self.http_error() {
            visit("http.response.status_code", Value::Integer(i64::from(status)));
        }
        self.http.server_attributes(side, endpoints, visit);
        ends::peer(side, endpoints, visit);
        for (name, messages) in [
            ("plainsight.grpc.request.messages", &self.call.requests),
            ("plainsight.grpc.response.messages", &self.call.responses),
        ] {
            if let Some(count) = messages.count() {
                visit(name, Value::Integer(i64::from(count)));
            }
        }
        self.http.header_attributes("rpc.request.metadata.", "rpc.response.metadata.", visit);
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            ErrorType, HttpResponseStatusCode, RpcMethod, RpcResponseStatusCode, RpcSystemName,
        };
        if wanted.contains(RpcSystemName) {
            visit(RpcSystemName, MetricValue::Text("grpc"));
        }
        if wanted.contains(RpcMethod)
            && let Some(method) = self.method()
        {
            let method = if self.is_unknown_method() { OTHER } else { &method };
            visit(RpcMethod, MetricValue::Text(method));
        }
        let status = self.status();
        if let Some(status) = status.filter(|_| wanted.contains(RpcResponseStatusCode)) {
            visit(RpcResponseStatusCode, MetricValue::Text(status.name()));
        }
        if let Some(status) = self.http_error().filter(|_| wanted.contains(HttpResponseStatusCode)) {
            visit(HttpResponseStatusCode, MetricValue::Integer(i64::from(status)));
        }
        self.http.metric_server_attributes(side, endpoints, wanted, visit);
        if wanted.contains(ErrorType) {
            match (status, self.error_status(side)) {
                (Some(status), _) if status.is_error(side) => {
                    visit(ErrorType, MetricValue::Text(status.name()));
                }
                (Some(_), _) => {}
                (None, Some(status)) => {
                    visit(ErrorType, MetricValue::Text(decimal(u64::from(status), &mut [0; 20])));
                }
                (None, None) => {
                    if let Some(error) = self.http.transport_error() {
                        visit(ErrorType, MetricValue::Text(error));
                    }
                }
            }
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        self.http.trace_parent()
    }

    fn trace_state(&self) -> Option<&str> {
        self.http.trace_state()
    }
}
