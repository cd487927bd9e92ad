//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, HTTP).

use std::{borrow::Cow, cell::OnceCell, fmt, net::IpAddr};

use super::{
    HttpSettings,
    address::{self, HostPort, Target},
    message::Version,
    record::{Broken, Request, Response},
};
use crate::{
    CloseReason, Details, Endpoints, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit,
    Outcome, Side, TraceParent, Value,
    ends::{self, AddressText, Visit},
    metric_attributes::decimal,
    route::route,
    sanitise::{REDACTED, authority_text, field_text, query_text, target_text},
};

/// Headers that hold credentials. Their values never leave the host.
const CREDENTIALS: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
];

/// One exchange, complete or in part.
#[derive(Clone)]
pub(crate) struct HttpExchange<'a> {
    pub(crate) request: Option<&'a Request>,
    pub(crate) response: Option<&'a Response>,
    pub(crate) outcome: Outcome,
    pub(crate) settings: &'a HttpSettings,
    pub(crate) interrupted: Option<Interrupted>,
    /// What the request's target says, cut once.
    pub(crate) url: OnceCell<Url<'a>>,
    /// What [`HttpExchange::route`] found: both the name and the attributes hold it.
    pub(crate) route: OnceCell<Option<Cow<'a, str>>>,
    /// The peer's address as text, which several attributes hold.
    pub(crate) peer: OnceCell<AddressText>,
}

/// What a request's target says.
#[derive(Debug, Clone)]
pub(crate) struct Url<'a> {
    target: Option<Target<'a>>,
    /// Its path as text.
    path: Option<Cow<'a, str>>,
}

/// Why one end of an exchange gave it up and said so, as only HTTP/2 can (RFC 9113 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interrupted {
    /// The name of the reason.
    pub(crate) reason: &'static str,
    /// Whether something went wrong: a client may lose interest.
    pub(crate) is_error: bool,
}

/// `error.type` of an exchange that ended without a response, or in the midst of one.
pub(crate) const fn close_error(reason: CloseReason) -> Option<&'static str> {
    match reason {
        CloseReason::Closed => Some("connection_closed"),
        CloseReason::Reset => Some("connection_reset"),
        CloseReason::Timeout => Some("timeout"),
        // The observation ended, not the exchange.
        CloseReason::Evicted => None,
    }
}

impl<'a> HttpExchange<'a> {
    /// The status of the final response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.response.and_then(|response| response.status)
    }

    /// The status if it means an error to that side.
    fn error_status(&self, side: Side) -> Option<u16> {
        let least = match side {
            Side::Client => 400,
            Side::Server => 500,
        };
        self.status().filter(|&status| status >= least)
    }

    /// Errors that the status does not tell of.
    pub(crate) fn transport_error(&self) -> Option<&'static str> {
        if let Some(interrupted) = self.interrupted {
            return interrupted.is_error.then_some(interrupted.reason);
        }
        if let Outcome::NoResponse(reason) = self.outcome {
            return close_error(reason);
        }
        let response = self.response?;
        // HTTP/0.9 answers with the bare document, but only those who ask in that version expect it.
        let expected = self.request.is_none_or(|request| request.version == Version::V09);
        if response.foreign && !expected {
            return Some("invalid_response");
        }
        response.broken.map(|broken| match broken {
            Broken::Reset => "connection_reset",
            Broken::Truncated => "response_truncated",
        })
    }

    fn target(&self) -> Option<Target<'a>> {
        self.url().target
    }

    /// The path of the URL.
    pub(crate) fn path(&self) -> Option<&'a [u8]> {
        self.target()?.path
    }

    /// What the request's target says.
    fn url(&self) -> &Url<'a> {
        self.url.get_or_init(|| {
            let request =
                self.request.filter(|request| request.version != Version::V2 || !request.target.is_empty());
            let target =
                request.map(|request| address::target(request.texts.get(request.target), request.is_connect));
            Url { target, path: target.and_then(|target| target.path).map(target_text) }
        })
    }

    /// The route that the path belongs to, as far as a path can tell. `OPTIONS *` and `CONNECT` have none.
    fn route(&self) -> Option<&str> {
        let found = || {
            let Url { target, path: text } = self.url();
            let path = (*target)?.path.filter(|&path| path != b"*")?;
            Some(route(path, text.as_ref()?, &self.settings.route_patterns))
        };
        self.route.get_or_init(found).as_deref()
    }

    /// The scheme of the URL as the user agent knew it. HTTP/2 names it, HTTP/1 goes without saying.
    fn scheme(&self, side: Side, target: &Target<'a>) -> Option<Cow<'a, str>> {
        let request = self.request?;
        let proxied = if side == Side::Server {
            let forwarded = request.texts.find(request.forwarded);
            forwarded
                .and_then(|field| address::forwarded(field, "proto"))
                .or_else(|| request.texts.find(request.forwarded_proto).map(address::first_element))
        } else {
            None
        };
        match proxied.or(target.scheme).or_else(|| request.texts.find(request.scheme)) {
            Some(scheme) if scheme.eq_ignore_ascii_case(b"https") => Some(Cow::Borrowed("https")),
            Some(scheme) if scheme.eq_ignore_ascii_case(b"wss") => Some(Cow::Borrowed("wss")),
            Some(scheme) if scheme.eq_ignore_ascii_case(b"ws") => Some(Cow::Borrowed("ws")),
            None if request.version == Version::V2 => None,
            _ => Some(Cow::Borrowed("http")),
        }
    }

    /// The server as the client named it; on the server's side, as the first proxy was asked for it.
    fn server(&self, side: Side, target: &Target<'a>) -> Option<HostPort<'a>> {
        let request = self.request?;
        let texts = &request.texts;
        let host = || texts.find(request.host);
        let authority = match side {
            Side::Client => target.authority.or_else(host),
            Side::Server => texts
                .find(request.forwarded)
                .and_then(|field| address::forwarded(field, "host"))
                .or_else(|| texts.find(request.forwarded_host).map(address::first_element))
                .or_else(host)
                .or(target.authority),
        };
        authority.and_then(address::host_port)
    }

    /// An address as text, written once.
    fn peer_text(&self, address: IpAddr) -> Cow<'_, str> {
        let text = self.peer.get_or_init(|| AddressText::new(address));
        if text.address == address {
            Cow::Borrowed(text.as_str())
        } else {
            // Somebody asks for both sides.
            Cow::Owned(ends::address_text(address))
        }
    }

    fn client(&self) -> Option<HostPort<'a>> {
        let request = self.request?;
        let texts = &request.texts;
        texts
            .find(request.forwarded)
            .and_then(|field| address::forwarded(field, "for"))
            .or_else(|| texts.find(request.forwarded_for).map(address::first_element))
            .and_then(address::host_port)
    }

    fn method_attributes<'s>(&'s self, request: &'s Request, visit: Visit<'_, 's>) {
        let method = method_text(request);
        if request.method.is_empty() {
            return;
        }
        if request.known {
            visit("http.request.method", Value::Text(method));
        } else {
            visit("http.request.method", Value::Text(Cow::Borrowed("_OTHER")));
            visit("http.request.method_original", Value::Text(method));
        }
    }

    fn url_attributes<'s>(
        &'s self,
        side: Side,
        request: &'s Request,
        endpoints: &Endpoints,
        visit: Visit<'_, 's>,
    ) {
        let target = self.target().unwrap_or_default();
        let scheme = self.scheme(side, &target);
        if let Some(path) = &self.url().path {
            visit("url.path", Value::Text(Cow::Borrowed(path)));
        }
        if let Some(route) = self.route() {
            visit("plainsight.http.route", Value::Text(Cow::Borrowed(route)));
        }
        let query = target.query.filter(|query| !query.is_empty()).map(query_text);
        if side == Side::Client
            && let (Some(path), Some(scheme)) = (target.path, &scheme)
        {
            let scheme = target.scheme.map_or(scheme.clone(), field_text);
            let full = self.full_url(request, &scheme, &target, path, query.as_deref(), endpoints);
            visit("url.full", Value::Text(Cow::Owned(full)));
        }
        if let Some(query) = query {
            visit("url.query", Value::Text(query));
        }
        if let Some(authority) = target.authority {
            // Neither a path nor a query tells what a proxy was asked for.
            let text = match target.path {
                None => authority_text(authority),
                Some(path) => {
                    let scheme = target.scheme.map_or(Cow::Borrowed("http"), field_text);
                    let (authority, path) = (authority_text(authority), target_text(path));
                    let query = target.query.map(query_text);
                    let mark = if query.is_some() { "?" } else { "" };
                    Cow::Owned(format!("{scheme}://{authority}{path}{mark}{}", query.unwrap_or_default()))
                }
            };
            visit("plainsight.http.request.target", Value::Text(text));
        }
        let default_port = scheme.as_deref().map(default_port);
        if let Some(scheme) = scheme {
            visit("url.scheme", Value::Text(scheme));
        }
        self.named_server(side, &target, default_port, endpoints, visit);
    }

    /// What metrics may carry of the server that the request was to go to.
    pub(crate) fn metric_server(
        &self,
        side: Side,
        target: &Target<'a>,
        default_port: Option<u16>,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        if !wanted.contains(MetricAttribute::ServerAddress) && !wanted.contains(MetricAttribute::ServerPort) {
            return;
        }
        match self.server(side, target) {
            Some(named) => {
                if wanted.contains(MetricAttribute::ServerAddress) {
                    visit(MetricAttribute::ServerAddress, MetricValue::Text(&field_text(named.host)));
                }
                let port =
                    named.port.or(default_port).filter(|_| wanted.contains(MetricAttribute::ServerPort));
                if let Some(port) = port {
                    visit(MetricAttribute::ServerPort, MetricValue::Integer(i64::from(port)));
                }
            }
            None if side == Side::Client => ends::metric_server(endpoints, None, wanted, visit),
            None => {}
        }
    }

    /// What metrics may carry of where the request was to go.
    pub(crate) fn metric_server_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        let target = self.target().unwrap_or_default();
        let default_port = self.scheme(side, &target).as_deref().map(default_port);
        self.metric_server(side, &target, default_port, endpoints, wanted, visit);
    }

    /// Where the request was to go.
    pub(crate) fn server_attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: Visit<'_, 's>) {
        let target = self.target().unwrap_or_default();
        let default_port = self.scheme(side, &target).as_deref().map(default_port);
        self.named_server(side, &target, default_port, endpoints, visit);
    }

    fn named_server<'s>(
        &'s self,
        side: Side,
        target: &Target<'a>,
        default_port: Option<u16>,
        endpoints: &Endpoints,
        visit: Visit<'_, 's>,
    ) {
        match self.server(side, target) {
            Some(named) => {
                visit("server.address", Value::Text(field_text(named.host)));
                if let Some(port) = named.port.or(default_port) {
                    visit("server.port", Value::Integer(i64::from(port)));
                }
            }
            None if side == Side::Client => {
                ends::server(endpoints, None, visit);
            }
            None => {}
        }
    }

    fn full_url(
        &self,
        request: &Request,
        scheme: &str,
        target: &Target<'_>,
        path: &[u8],
        query: Option<&str>,
        endpoints: &Endpoints,
    ) -> String {
        let authority = match target.authority.or_else(|| request.texts.find(request.host)) {
            Some(authority) => authority_text(authority),
            None => Cow::Owned(endpoints.server.to_string()),
        };
        // The asterisk form has no path (RFC 9112 section 3.2.4).
        let path = if path == b"*" { Cow::Borrowed("") } else { target_text(path) };
        let mut url = String::with_capacity(scheme.len() + authority.len() + path.len() + 32);
        for part in [scheme, "://", &*authority, &*path] {
            url.push_str(part);
        }
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        url
    }

    /// Fields that the settings ask for, under these prefixes.
    pub(crate) fn header_attributes<'s>(&'s self, asked: &str, answered: &str, visit: Visit<'_, 's>) {
        let texts = [
            (asked, self.request.map(|request| &request.texts)),
            (answered, self.response.map(|response| &response.texts)),
        ];
        for (prefix, texts) in texts {
            let Some(texts) = texts.filter(|texts| !texts.captured_nothing()) else { continue };
            for (index, name) in self.settings.captured_headers.iter().enumerate() {
                let secret = CREDENTIALS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
                let values: Vec<_> = texts
                    .captured(index)
                    .map(|value| if secret { Cow::Borrowed(REDACTED) } else { field_text(value) })
                    .collect();
                if !values.is_empty() {
                    visit(&format!("{prefix}{}", name.to_ascii_lowercase()), Value::Texts(values));
                }
            }
        }
    }
}

/// The method of a request; of nearly every one without a look at its bytes.
fn method_text(request: &Request) -> Cow<'_, str> {
    match request.texts.get(request.method) {
        b"GET" => Cow::Borrowed("GET"),
        b"POST" => Cow::Borrowed("POST"),
        other => field_text(other),
    }
}

/// The port that a scheme stands for.
fn default_port(scheme: &str) -> u16 {
    if matches!(scheme, "https" | "wss") { 443 } else { 80 }
}

fn size(bytes: u64) -> Value<'static> {
    Value::Integer(i64::try_from(bytes).unwrap_or(i64::MAX))
}

impl Details for HttpExchange<'_> {
    /// The method and what the path says of the route.
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let known = self.request.filter(|request| request.known);
        let method = known.map_or(Cow::Borrowed("HTTP"), method_text);
        out.write_str(&method)?;
        match self.route() {
            Some(route) => {
                out.write_char(' ')?;
                out.write_str(route)
            }
            None => Ok(()),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self.request {
            Some(request) => {
                match request.texts.find(request.method) {
                    Some(method) => out.write_str(&field_text(method))?,
                    None => out.write_char('?')?,
                }
                out.write_char(' ')?;
                out.write_str(&match self.target() {
                    Some(Target { path: Some(path), .. }) => target_text(path),
                    Some(target) => authority_text(target.authority.unwrap_or_default()),
                    None => Cow::Borrowed("?"),
                })?;
            }
            None => out.write_char('?')?,
        }
        let interrupted = self.interrupted.map(|interrupted| interrupted.reason);
        match (self.status(), interrupted.or_else(|| self.transport_error())) {
            (Some(status), None) => write!(out, " {status}"),
            (Some(status), Some(error)) => write!(out, " {status} {error}"),
            (None, Some(error)) => write!(out, " {error}"),
            (None, None) if self.response.is_some_and(|response| response.foreign) => Ok(()),
            (None, None) => out.write_str(" ?"),
        }
    }

    fn error_type(&self, side: Side) -> Option<Cow<'_, str>> {
        match self.error_status(side) {
            Some(status) => Some(Cow::Owned(status.to_string())),
            None => self.transport_error().map(Cow::Borrowed),
        }
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        if let Some(request) = self.request {
            self.method_attributes(request, visit);
            self.url_attributes(side, request, endpoints, visit);
        }
        if let Some(status) = self.status() {
            visit("http.response.status_code", Value::Integer(i64::from(status)));
        }
        let opposite = match side {
            Side::Server => endpoints.client,
            Side::Client => endpoints.server,
        };
        let peer = self.peer_text(opposite.ip().to_canonical());
        if side == Side::Server {
            let client = self.client().map_or_else(|| peer.clone(), |client| field_text(client.host));
            visit("client.address", Value::Text(client));
        }
        visit("network.peer.address", Value::Text(peer));
        visit("network.peer.port", Value::Integer(i64::from(opposite.port())));
        let version = self.response.and_then(|response| response.version.text());
        let asked = self.request.and_then(|request| request.version.text());
        // RFC 9110 section 2.5: a version of one hop; the response's is the one that was agreed on.
        if let Some(version) = version.or(asked) {
            visit("network.protocol.version", Value::Text(Cow::Borrowed(version)));
        }
        if let Some(request) = self.request {
            if let Some(agent) = request.texts.find(request.user_agent) {
                visit("user_agent.original", Value::Text(field_text(agent)));
            }
            if request.size.body_known && request.done {
                visit("http.request.body.size", size(request.size.body));
            }
        }
        if let Some(response) = self.response
            && response.size.body_known
            && response.done
        {
            visit("http.response.body.size", size(response.size.body));
        }
        self.header_attributes("http.request.header.", "http.response.header.", visit);
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            ErrorType, HttpRequestMethod, HttpResponseStatusCode, HttpRoute, NetworkProtocolVersion,
            UrlScheme,
        };
        if let Some(request) = self.request {
            if wanted.contains(HttpRequestMethod) && !request.method.is_empty() {
                let method = if request.known {
                    field_text(request.texts.get(request.method))
                } else {
                    Cow::Borrowed("_OTHER")
                };
                visit(HttpRequestMethod, MetricValue::Text(&method));
            }
            let target = self.target().unwrap_or_default();
            if wanted.contains(HttpRoute)
                && let Some(route) = self.route()
            {
                visit(HttpRoute, MetricValue::Text(route));
            }
            let scheme = self.scheme(side, &target);
            if let Some(scheme) = scheme.as_deref().filter(|_| wanted.contains(UrlScheme)) {
                visit(UrlScheme, MetricValue::Text(scheme));
            }
            let default_port = scheme.as_deref().map(default_port);
            self.metric_server(side, &target, default_port, endpoints, wanted, visit);
        }
        let status = self.status();
        if let Some(status) = status.filter(|_| wanted.contains(HttpResponseStatusCode)) {
            visit(HttpResponseStatusCode, MetricValue::Integer(i64::from(status)));
        }
        if wanted.contains(NetworkProtocolVersion) {
            let version = self.response.and_then(|response| response.version.text());
            let asked = self.request.and_then(|request| request.version.text());
            if let Some(version) = version.or(asked) {
                visit(NetworkProtocolVersion, MetricValue::Text(version));
            }
        }
        if wanted.contains(ErrorType) {
            match (self.error_status(side), self.transport_error()) {
                (Some(status), _) => {
                    visit(ErrorType, MetricValue::Text(decimal(u64::from(status), &mut [0; 20])));
                }
                (None, Some(error)) => visit(ErrorType, MetricValue::Text(error)),
                (None, None) => {}
            }
        }
    }

    fn measures(&self) -> Measures {
        let request = self.request.filter(|request| request.size.body_known && request.done);
        let response = self.response.filter(|response| response.size.body_known && response.done);
        Measures {
            request_body_bytes: request.map(|request| request.size.body),
            response_body_bytes: response.map(|response| response.size.body),
            ..Measures::default()
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        self.request?.trace_parent
    }

    fn trace_state(&self) -> Option<&str> {
        self.request?.trace_state()
    }
}
