//! Exchanges for the tests of everything that is made of exchanges.

use std::{borrow::Cow, fmt, net::SocketAddr};

use plainsight_protocols::{
    CloseReason, Details, Endpoints, Exchange, Outcome, Protocol, Side, Timestamp, TraceParent, Value,
};

use crate::{
    capture::{ConnectionId, Process},
    flow::Observed,
};

/// What the protocol says about an [`Example`].
#[derive(Debug, Clone)]
pub(crate) struct ExampleDetails {
    pub(crate) name: &'static str,
    pub(crate) summary: String,
    pub(crate) error_type: Option<&'static str>,
    pub(crate) attributes: Vec<(&'static str, Value<'static>)>,
    pub(crate) trace_parent: Option<TraceParent>,
    pub(crate) trace_state: Option<&'static str>,
    pub(crate) trace_links: Vec<TraceParent>,
}

/// An exchange: the one of the design's example record unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) started: u64,
    pub(crate) duration: Option<u64>,
    pub(crate) outcome: Outcome,
    pub(crate) request_bytes: u64,
    /// TCP sequence numbers of the request and the response.
    pub(crate) sequences: [Option<u32>; 2],
    pub(crate) side: Side,
    pub(crate) pid: u32,
    pub(crate) comm: &'static str,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) details: ExampleDetails,
}

impl Default for ExampleDetails {
    fn default() -> Self {
        Self {
            name: "GET",
            summary: "GET /users/17 200".to_owned(),
            error_type: None,
            attributes: vec![
                ("http.request.method", Value::Text("GET".into())),
                ("url.path", Value::Text("/users/17".into())),
                ("http.response.status_code", Value::Integer(200)),
            ],
            trace_parent: None,
            trace_state: None,
            trace_links: Vec::new(),
        }
    }
}

impl ExampleDetails {
    /// An exchange of a database or a broker with these attributes.
    pub(crate) fn with(attributes: &[(&'static str, &'static str)]) -> Self {
        let attributes = attributes.iter().map(|&(name, value)| (name, Value::Text(value.into()))).collect();
        Self { attributes, ..Self::default() }
    }

    /// An HTTP exchange with that method, path and status.
    pub(crate) fn http(method: &'static str, path: &'static str, status: i64) -> Self {
        Self {
            name: method,
            summary: format!("{method} {path} {status}"),
            error_type: (status >= 500).then_some("500"),
            attributes: vec![
                ("http.request.method", Value::Text(method.into())),
                ("url.path", Value::Text(path.into())),
                ("http.response.status_code", Value::Integer(status)),
            ],
            trace_parent: None,
            trace_state: None,
            trace_links: Vec::new(),
        }
    }
}

impl Default for Example {
    fn default() -> Self {
        Self {
            started: 1_767_323_045_678_901_234,
            duration: Some(812_345),
            outcome: Outcome::Complete,
            request_bytes: 312,
            sequences: [None; 2],
            side: Side::Server,
            pid: 4242,
            comm: "nginx",
            client: SocketAddr::from(([10, 0, 0, 7], 41822)),
            server: SocketAddr::from(([10, 0, 0, 9], 8080)),
            protocol: Protocol::Http,
            details: ExampleDetails::default(),
        }
    }
}

impl Example {
    /// The ends of the default example.
    pub(crate) fn endpoints() -> Endpoints {
        let example = Self::default();
        Endpoints { client: example.client, server: example.server }
    }

    /// An exchange that was reset before an answer.
    pub(crate) fn without_response() -> Self {
        let details = ExampleDetails { error_type: Some("connection_reset"), ..ExampleDetails::default() };
        Self { duration: None, outcome: Outcome::NoResponse(CloseReason::Reset), details, ..Self::default() }
    }

    /// Calls `with` with the exchange as a connection table would report it.
    pub(crate) fn observe<R>(&self, with: impl FnOnce(&Observed<'_>) -> R) -> R {
        let exchange = Exchange {
            protocol: self.protocol,
            started: Timestamp::from_nanos(self.started),
            request_offset: None,
            response_offset: None,
            ended: self.duration.map(|duration| Timestamp::from_nanos(self.started + duration)),
            outcome: self.outcome,
            request_bytes: self.request_bytes,
            response_bytes: 1804,
            missing_bytes: 0,
            details: &self.details,
        };
        let (local, remote) = match self.side {
            Side::Server => (self.server, self.client),
            Side::Client => (self.client, self.server),
        };
        let mut comm = [0; 16];
        comm[..self.comm.len()].copy_from_slice(self.comm.as_bytes());
        with(&Observed {
            exchange: &exchange,
            connection: ConnectionId(1),
            local,
            remote,
            side: self.side,
            process: Process { pid: self.pid, tid: self.pid, cgroup: 1, comm },
            request_sequence: self.sequences[0],
            response_sequence: self.sequences[1],
        })
    }
}

impl Details for ExampleDetails {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(self.name)
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(&self.summary)
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.error_type.map(Cow::Borrowed)
    }

    fn attributes<'s>(&'s self, _: Side, _: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        for (name, value) in &self.attributes {
            visit(name, value.clone());
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        self.trace_parent
    }

    fn trace_state(&self) -> Option<&str> {
        self.trace_state
    }

    fn trace_links(&self) -> &[TraceParent] {
        &self.trace_links
    }
}
