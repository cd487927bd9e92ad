//! What a handshake means in OpenTelemetry's terms (registry of attributes, namespaces `tls`, `server`, `network`).
//!
//! `tls.client.server_name` is deprecated in favour of `server.address`, which is the name that the client asks for.
//! The list of cipher suites offered (`tls.client.supported_ciphers`) is not reported: it says nothing that the chosen
//! one does not, and is longer than all else together.

use std::{borrow::Cow, fmt};

use super::{
    message::{Answer, ClientHello, ServerHello},
    names,
};
use crate::{Details, Endpoints, Outcome, Protocol, Side, TraceParent, Value, ends, sanitise::field_text};

/// One handshake, as far as it can be read.
pub(super) struct TlsExchange<'a> {
    pub(super) request: Option<&'a ClientHello>,
    pub(super) response: Option<&'a Answer>,
    pub(super) outcome: Outcome,
    /// The protocol in which both ends agreed to go on in TLS.
    pub(super) upgraded_from: Option<Protocol>,
}

impl<'a> TlsExchange<'a> {
    fn hello(&self) -> Option<&'a ServerHello> {
        self.response.and_then(|answer| answer.hello.as_ref())
    }

    fn server_name(&self) -> Option<Cow<'a, str>> {
        self.request.and_then(|hello| hello.server_name.as_deref()).map(field_text)
    }

    fn version(&self) -> Option<(&'static str, &'static str)> {
        self.hello().and_then(|hello| hello.version).and_then(names::version)
    }

    fn error(&self) -> Option<&'static str> {
        match (self.outcome, self.response) {
            (Outcome::NoResponse(reason), _) => reason.error(),
            (_, Some(Answer { alert: Some(alert), .. })) => Some(names::alert(*alert)),
            (_, Some(Answer { foreign: true, .. })) => Some("invalid_response"),
            _ => None,
        }
    }

    /// What happened in the handshake beside the usual.
    fn features(&self) -> Vec<Cow<'static, str>> {
        let encrypted = self.request.is_some_and(|hello| hello.encrypted);
        let retried = self.response.is_some_and(|answer| answer.retried);
        [(encrypted, "encrypted_client_hello"), (retried, "hello_retry_request")]
            .into_iter()
            .filter_map(|(seen, name)| seen.then_some(Cow::Borrowed(name)))
            .collect()
    }
}

impl Details for TlsExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("TLS handshake")
    }

    /// `TLS shop.example h2,http/1.1 TLSv1.3`: the application protocols are those offered, unless one was seen chosen.
    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("TLS ")?;
        match (self.server_name(), self.request) {
            (Some(name), _) => out.write_str(&name)?,
            (None, Some(_)) => out.write_char('-')?,
            (None, None) => out.write_char('?')?,
        }
        let chosen = self.hello().and_then(|hello| hello.protocol.as_deref());
        let offered = self.request.map(|hello| hello.protocols.as_slice()).unwrap_or_default();
        let shown = match &chosen {
            Some(_) => 0,
            None => offered.len(),
        };
        let protocols = chosen.into_iter().chain(offered.iter().take(shown).map(AsRef::as_ref));
        for (index, protocol) in protocols.enumerate() {
            out.write_char(if index == 0 { ' ' } else { ',' })?;
            out.write_str(&field_text(protocol))?;
        }
        match (self.version(), self.error()) {
            (_, Some(error)) => write!(out, " {error}"),
            (Some(("ssl", version)), None) => write!(out, " SSLv{version}"),
            (Some((_, version)), None) => write!(out, " TLSv{version}"),
            (None, None) => out.write_str(" ?"),
        }
    }

    /// The fatal alert by its name in the specification, or why there was no answer.
    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.error().map(Cow::Borrowed)
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        match self.server_name() {
            Some(name) => visit("server.address", Value::Text(name)),
            None => visit("server.address", ends::address(endpoints.server.ip())),
        }
        visit("server.port", Value::Integer(i64::from(endpoints.server.port())));
        ends::peer(side, endpoints, visit);
        if let Some((name, version)) = self.version() {
            visit("tls.protocol.name", Value::Text(Cow::Borrowed(name)));
            visit("tls.protocol.version", Value::Text(Cow::Borrowed(version)));
        }
        if let Some(hello) = self.hello() {
            match (hello.cipher_suite, hello.cipher_suite.and_then(names::cipher_suite)) {
                (_, Some(name)) => visit("tls.cipher", Value::Text(Cow::Borrowed(name))),
                // OpenTelemetry wants registered names only.
                (Some(suite), None) => visit("plainsight.tls.cipher_suite", Value::Integer(i64::from(suite))),
                (None, None) => {}
            }
            if let Some(protocol) = &hello.protocol {
                visit("tls.next_protocol", Value::Text(field_text(protocol)));
            }
        }
        if let Some(hello) = self.request.filter(|hello| !hello.protocols.is_empty()) {
            let protocols = hello.protocols.iter().map(|protocol| field_text(protocol)).collect();
            visit("plainsight.tls.client.protocols", Value::Texts(protocols));
        }
        if let Some(protocol) = self.upgraded_from {
            visit("plainsight.tls.upgraded_from", Value::Text(Cow::Borrowed(protocol.name())));
        }
        let features = self.features();
        if !features.is_empty() {
            visit("plainsight.tls.features", Value::Texts(features));
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}
