//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, databases).

use std::{borrow::Cow, fmt};

use super::{
    command::Verb,
    message::{Answered, Code, Request, Response},
};
use crate::{
    CloseReason, Details, Endpoints, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome,
    Side, TraceParent, Value, ends, piped, sanitise::field_text,
};

/// One exchange, complete or in part.
pub(super) struct MemcachedExchange<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) response: Option<&'a Response>,
    /// The command, masked.
    pub(super) text: &'a [u8],
    pub(super) outcome: Outcome,
    /// The connection ended within the answer.
    pub(super) truncated: Option<CloseReason>,
}

impl<'a> MemcachedExchange<'a> {
    fn operation(&self) -> Option<Cow<'a, str>> {
        let name = usize::from(self.request?.name);
        self.text.get(..name).map(field_text)
    }

    fn transport_error(&self) -> Option<&'static str> {
        piped::transport_error(self.outcome, self.truncated)
    }

    fn error(&self) -> Option<&'static str> {
        self.response.and_then(|response| response.code.error()).or_else(|| self.transport_error())
    }

    fn result(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if let Some(error) = self.error() {
            return write!(out, " {error}");
        }
        let Some(response) = self.response else {
            let silent = self.outcome == Outcome::Complete
                && self.request.is_some_and(|request| request.answered != Answered::Yes);
            return out.write_str(if silent { " no reply" } else { " ?" });
        };
        let verb = self.request.map(|request| request.verb);
        let keys = self.request.map_or(0, |request| request.keys);
        out.write_str(match (response.code, verb) {
            (Code::End, Some(Verb::Get | Verb::GetAndTouch)) if keys > 1 => {
                return write!(out, " {} of {keys} hit", response.items);
            }
            (Code::End, Some(Verb::Get | Verb::GetAndTouch)) if response.items == 0 => " miss",
            (Code::End, Some(Verb::Get | Verb::GetAndTouch))
            | (Code::Value | Code::Head, Some(Verb::MetaGet)) => " hit",
            (Code::End, _) => return write!(out, " {} lines", response.items),
            (Code::Miss, _) => " miss",
            (Code::NotFound, _) => " not found",
            (Code::NotStored, _) => " not stored",
            (Code::Exists, _) => " exists",
            (Code::Unknown, _) => " ?",
            _ => " ok",
        })
    }
}

impl Details for MemcachedExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(&self.operation().unwrap_or(Cow::Borrowed("memcached")))
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Some(request) = self.request else {
            out.write_char('?')?;
            return self.result(out);
        };
        // The name and the keys: what follows them is masked, or says how to answer.
        let shown = match request.verb {
            Verb::Get | Verb::GetAndTouch => usize::MAX,
            _ => 2,
        };
        piped::write_names(self.text, shown, out)?;
        self.result(out)
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.error().map(Cow::Borrowed)
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("db.system.name", Value::Text(Cow::Borrowed("memcached")));
        if let Some(operation) = self.operation() {
            visit("db.operation.name", Value::Text(operation));
            visit("db.query.text", Value::Text(field_text(self.text)));
        }
        if let Some(code) = self.response.and_then(|response| response.code.error()) {
            visit("db.response.status_code", Value::Text(Cow::Borrowed(code)));
        }
        ends::server_and_peer(side, endpoints, None, visit);
    }

    fn metric_attributes(
        &self,
        _side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{DbOperationName, DbResponseStatusCode, DbSystemName, ErrorType};
        if wanted.contains(DbSystemName) {
            visit(DbSystemName, MetricValue::Text("memcached"));
        }
        if let Some(operation) = self.operation().filter(|_| wanted.contains(DbOperationName)) {
            visit(DbOperationName, MetricValue::Text(&operation));
        }
        let code = self.response.and_then(|response| response.code.error());
        if let Some(code) = code.filter(|_| wanted.contains(DbResponseStatusCode)) {
            visit(DbResponseStatusCode, MetricValue::Text(code));
        }
        ends::metric_server(endpoints, None, wanted, visit);
        if let Some(error) = self.error().filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(error));
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}
