//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, Redis).

use std::{borrow::Cow, fmt};

use super::{
    message::{Request, Response},
    table::Kind,
};
use crate::{
    CloseReason, Details, Endpoints, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome,
    Side, TraceParent, Value, ends, metric_attributes::decimal, piped, sanitise::field_text,
};

/// One exchange, complete or in part.
pub(super) struct RedisExchange<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) response: Option<&'a Response>,
    /// The command, masked.
    pub(super) text: &'a [u8],
    pub(super) database: Option<u32>,
    pub(super) outcome: Outcome,
    /// The server was told not to answer.
    pub(super) silent: bool,
    /// The connection ended within the answer.
    pub(super) truncated: Option<CloseReason>,
}

impl<'a> RedisExchange<'a> {
    fn operation(&self) -> Option<Cow<'a, str>> {
        let name = usize::from(self.request?.name);
        self.text.get(..name).map(field_text)
    }

    fn procedure(&self) -> Option<Cow<'a, str>> {
        let request = self.request.filter(|request| request.kind == Kind::Procedure)?;
        let (start, length) = (usize::from(request.procedure.0), usize::from(request.procedure.1));
        self.text.get(start..start + length).filter(|name| !name.is_empty()).map(field_text)
    }

    /// The first word of an error; of the first within the answer to a transaction, whose commands were answered before
    /// they ran.
    fn status(&self) -> Option<Cow<'a, str>> {
        let reply = &self.response?.reply;
        let word = if reply.is_error() {
            reply.word.get()
        } else if self.request.is_some_and(|request| request.kind == Kind::Exec) && reply.errors > 0 {
            reply.error.get()
        } else {
            return None;
        };
        Some(if word.is_empty() { Cow::Borrowed("_OTHER") } else { field_text(word) })
    }

    fn transport_error(&self) -> Option<&'static str> {
        piped::transport_error(self.outcome, self.truncated)
    }

    /// How many commands a transaction ran.
    fn batch_size(&self) -> Option<u64> {
        let reply =
            &self.response.filter(|_| self.request.is_some_and(|request| request.kind == Kind::Exec))?.reply;
        reply.count.filter(|&count| count >= 2 && reply.is_aggregate())
    }

    fn result(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if let Some(status) = self.status().or_else(|| self.transport_error().map(Cow::Borrowed)) {
            return write!(out, " {status}");
        }
        let Some(response) = self.response else {
            return out.write_str(if self.silent { " no reply" } else { " ?" });
        };
        let reply = &response.reply;
        let looks_up = self.request.is_some_and(|request| request.kind == Kind::Lookup);
        match reply.marker {
            b'+' if reply.is_queued() => out.write_str(" QUEUED"),
            _ if reply.is_null => out.write_str(if looks_up { " miss" } else { " nil" }),
            b'$' if looks_up => out.write_str(" hit"),
            b'$' | b'=' => match reply.count {
                Some(1) => out.write_str(" 1 byte"),
                Some(count) => write!(out, " {count} bytes"),
                None => out.write_str(" ok"),
            },
            b'%' | b'*' | b'~' => {
                match reply.count.map(|count| if reply.marker == b'%' { count / 2 } else { count }) {
                    _ if reply.confirms => out.write_str(" ok"),
                    Some(1) => out.write_str(" 1 item"),
                    Some(count) => write!(out, " {count} items"),
                    None => out.write_str(" ok"),
                }
            }
            _ => out.write_str(" ok"),
        }
    }
}

impl Details for RedisExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Some(operation) = self.operation() else { return out.write_str("redis") };
        out.write_str(&operation)?;
        match self.procedure() {
            Some(procedure) => write!(out, " {procedure}"),
            None => Ok(()),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if self.request.is_none() {
            out.write_char('?')?;
            return self.result(out);
        }
        piped::write_names(self.text, usize::MAX, out)?;
        self.result(out)
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.status().or_else(|| self.transport_error().map(Cow::Borrowed))
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("db.system.name", Value::Text(Cow::Borrowed("redis")));
        if let Some(operation) = self.operation() {
            visit("db.operation.name", Value::Text(operation));
            visit("db.query.text", Value::Text(field_text(self.text)));
        }
        if let Some(procedure) = self.procedure() {
            visit("db.stored_procedure.name", Value::Text(procedure));
        }
        if let Some(database) = self.database.filter(|_| self.request.is_some()) {
            visit("db.namespace", Value::Text(Cow::Owned(database.to_string())));
        }
        if let Some(size) = self.batch_size() {
            visit("db.operation.batch.size", Value::Integer(i64::try_from(size).unwrap_or(i64::MAX)));
        }
        if let Some(status) = self.status() {
            visit("db.response.status_code", Value::Text(status));
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
        use MetricAttribute::{
            DbNamespace, DbOperationName, DbResponseStatusCode, DbStoredProcedureName, DbSystemName,
            ErrorType,
        };
        if wanted.contains(DbSystemName) {
            visit(DbSystemName, MetricValue::Text("redis"));
        }
        if let Some(operation) = self.operation().filter(|_| wanted.contains(DbOperationName)) {
            visit(DbOperationName, MetricValue::Text(&operation));
        }
        if let Some(procedure) = self.procedure().filter(|_| wanted.contains(DbStoredProcedureName)) {
            visit(DbStoredProcedureName, MetricValue::Text(&procedure));
        }
        let database = self.database.filter(|_| self.request.is_some() && wanted.contains(DbNamespace));
        if let Some(database) = database {
            visit(DbNamespace, MetricValue::Text(decimal(u64::from(database), &mut [0; 20])));
        }
        let status = self.status();
        if let Some(status) = status.as_deref().filter(|_| wanted.contains(DbResponseStatusCode)) {
            visit(DbResponseStatusCode, MetricValue::Text(status));
        }
        ends::metric_server(endpoints, None, wanted, visit);
        let error = status.as_deref().or_else(|| self.transport_error());
        if let Some(error) = error.filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(error));
        }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}
