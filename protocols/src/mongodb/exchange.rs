//! What a command means in OpenTelemetry's terms (semantic conventions for databases, MongoDB).
//!
//! `error.type` is the error's code, as the conventions want; its name is `plainsight.mongodb.code_name`. The error of
//! the first write that failed counts as that of the command.

use std::{borrow::Cow, fmt};

use super::{
    message::{Reply, Request},
    names,
};
use crate::{
    Details, Endpoints, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome, Side,
    TraceParent, Value, ends, metric_attributes::decimal, sanitise::field_text,
};

/// The port that goes without saying.
const DEFAULT_PORT: u16 = 27017;

/// One command with its answer, or what was seen of them.
pub(super) struct MongodbExchange<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) response: Option<&'a Reply>,
    pub(super) outcome: Outcome,
}

impl<'a> MongodbExchange<'a> {
    fn name_of(&self, part: fn(&Request) -> Option<&[u8]>) -> Option<Cow<'a, str>> {
        self.request.and_then(part).map(field_text)
    }

    fn command(&self) -> Option<Cow<'a, str>> {
        self.name_of(|request| request.names.command())
    }

    fn collection(&self) -> Option<Cow<'a, str>> {
        self.name_of(|request| request.names.collection())
    }

    fn database(&self) -> Option<Cow<'a, str>> {
        self.name_of(|request| request.names.database())
    }

    fn failure(&self) -> Option<&'a Reply> {
        self.response.filter(|reply| reply.failed)
    }

    fn code(&self) -> Option<i64> {
        self.failure().and_then(|reply| reply.code)
    }

    fn code_name(&self) -> Option<Cow<'a, str>> {
        let failure = self.failure()?;
        let sent = failure.code_name.as_deref().map(field_text);
        sent.or_else(|| failure.code.and_then(names::code).map(Cow::Borrowed))
    }

    fn compressor(&self) -> Option<&'static str> {
        let asked = self.request.and_then(|request| request.compressor);
        let answered = self.response.and_then(|reply| reply.compressor);
        asked.or(answered).and_then(names::compressor)
    }

    /// Why there was no answer.
    fn close_error(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::NoResponse(reason) => reason.error(),
            Outcome::Complete | Outcome::Partial => None,
        }
    }
}

fn count(count: usize) -> Value<'static> {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

impl Details for MongodbExchange<'_> {
    /// `{db.operation.name} {target}`, the target the collection, else the database.
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Some(command) = self.command() else { return out.write_str("mongodb") };
        out.write_str(&command)?;
        match self.collection().or_else(|| self.database()) {
            Some(target) => write!(out, " {target}"),
            None => Ok(()),
        }
    }

    /// `find orders 3 documents`, `insert orders DuplicateKey`.
    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let compressed = self.compressor().filter(|&compressor| compressor != "noop");
        match (self.command(), compressed) {
            (Some(command), _) => out.write_str(&command)?,
            (None, Some(compressor)) => write!(out, "({compressor})")?,
            (None, None) => out.write_char('?')?,
        }
        if let Some(target) = self.collection() {
            write!(out, " {target}")?;
        }
        match (self.code_name(), self.code(), self.close_error()) {
            (Some(name), ..) => write!(out, " {name}"),
            (None, Some(code), _) => write!(out, " error {code}"),
            (None, None, Some(error)) => write!(out, " {error}"),
            (None, None, None) if self.failure().is_some() => out.write_str(" failed"),
            (None, None, None) => match self.response {
                Some(Reply { rows: Some(1), .. }) => out.write_str(" 1 document"),
                Some(Reply { rows: Some(rows), .. }) => write!(out, " {rows} documents"),
                Some(_) => Ok(()),
                None if self.request.is_some_and(|request| request.unanswered) => Ok(()),
                None => out.write_str(" ?"),
            },
        }
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        match (self.failure(), self.code()) {
            (_, Some(code)) => Some(Cow::Owned(code.to_string())),
            (Some(_), None) => Some(Cow::Borrowed("_OTHER")),
            (None, None) => self.close_error().map(Cow::Borrowed),
        }
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("db.system.name", Value::Text(Cow::Borrowed("mongodb")));
        let names = [
            ("db.operation.name", self.command()),
            ("db.collection.name", self.collection()),
            ("db.namespace", self.database()),
        ];
        for (attribute, name) in names {
            if let Some(name) = name {
                visit(attribute, Value::Text(name));
            }
        }
        if let Some(batch) = self.request.and_then(|request| request.batch) {
            visit("db.operation.batch.size", count(batch));
        }
        if let Some(code) = self.code() {
            visit("db.response.status_code", Value::Text(Cow::Owned(code.to_string())));
        }
        if let Some(name) = self.code_name() {
            visit("plainsight.mongodb.code_name", Value::Text(name));
        }
        if let Some(rows) = self.response.and_then(|reply| reply.rows) {
            visit("db.response.returned_rows", count(rows));
        }
        if let Some(compressor) = self.compressor() {
            visit("plainsight.mongodb.compressor", Value::Text(Cow::Borrowed(compressor)));
        }
        ends::server_and_peer(side, endpoints, Some(DEFAULT_PORT), visit);
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            DbCollectionName, DbNamespace, DbOperationName, DbResponseStatusCode, DbSystemName, ErrorType,
        };
        if wanted.contains(DbSystemName) {
            visit(DbSystemName, MetricValue::Text("mongodb"));
        }
        let names = [
            (DbOperationName, self.command()),
            (DbCollectionName, self.collection()),
            (DbNamespace, self.database()),
        ];
        for (attribute, name) in names {
            if let Some(name) = name.filter(|_| wanted.contains(attribute)) {
                visit(attribute, MetricValue::Text(&name));
            }
        }
        if let Some(code) = self.code() {
            let mut buffer = [0; 20];
            let text = match u64::try_from(code) {
                Ok(code) => Cow::Borrowed(decimal(code, &mut buffer)),
                Err(_) => Cow::Owned(code.to_string()),
            };
            for attribute in [DbResponseStatusCode, ErrorType] {
                if wanted.contains(attribute) {
                    visit(attribute, MetricValue::Text(&text));
                }
            }
        } else if let Some(error) = self.error_type(side).filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(&error));
        }
        ends::metric_server(endpoints, Some(DEFAULT_PORT), wanted, visit);
    }

    fn measures(&self) -> Measures {
        let rows = self.response.and_then(|reply| reply.rows);
        Measures { returned_rows: rows.and_then(|rows| u64::try_from(rows).ok()), ..Measures::default() }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}
