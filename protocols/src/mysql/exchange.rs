//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, "SQL databases", "MySQL", "MariaDB").

use std::{borrow::Cow, cell::OnceCell, fmt};

use super::{
    command::Command,
    pending::Text,
    reply::Reply,
    session::{Compression, Session},
};
use crate::{
    Details, Endpoints, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome, Side,
    TraceParent, Value, ends,
    metric_attributes::decimal,
    sanitise::field_text,
    sql::{self, Dialect, Statement},
    trace_context,
};

/// Port of a server unless it is told otherwise.
const DEFAULT_PORT: u16 = 3306;

/// Longest `db.query.summary` (semantic conventions, "Generating a summary of the query").
const SUMMARY_BYTES: usize = 255;

/// What stands before the trace in a comment of a statement, as `sqlcommenter` writes it.
const COMMENTED_TRACE: &[u8] = b"traceparent='";

/// One exchange, complete or in part.
pub(super) struct MysqlExchange<'a> {
    pub(super) session: &'a Session,
    pub(super) command: Command,
    pub(super) text: Option<&'a Text>,
    pub(super) reply: Option<&'a Reply>,
    pub(super) outcome: Outcome,
    /// What may be shown of the statement, found when it is first asked for.
    pub(super) statement: OnceCell<Statement>,
}

impl MysqlExchange<'_> {
    fn statement(&self) -> Option<&Statement> {
        match (self.command, self.text?) {
            (Command::Query | Command::Prepare, Text::Own(text)) => {
                Some(self.statement.get_or_init(|| sql::analyse(text, Dialect::Mysql)))
            }
            (_, Text::Prepared(_, prepared)) => Some(prepared.statement()),
            _ => None,
        }
    }

    /// What stands before a statement's summary, where the command does not execute it: else preparing and fetching
    /// would count as executing.
    fn step(&self) -> Option<&'static str> {
        match self.command {
            Command::Query | Command::Execute | Command::BulkExecute => None,
            other => Some(other.name()),
        }
    }

    /// `db.query.summary`.
    fn query_summary(&self) -> Option<Cow<'_, str>> {
        let summary = self.statement().map(|statement| field_text(statement.summary.as_bytes()))?;
        if summary.is_empty() {
            return None;
        }
        let Some(step) = self.step() else { return Some(summary) };
        let mut text = format!("{step} {summary}");
        if text.len() > SUMMARY_BYTES {
            let cut = text.bytes().take(SUMMARY_BYTES + 1).rposition(|byte| byte == b' ');
            text.truncate(cut.unwrap_or(step.len()));
        }
        Some(Cow::Owned(text))
    }

    /// `db.operation.name`: only of commands that are no statements, for it must not be read out of a text.
    fn operation(&self) -> Option<&'static str> {
        match self.command {
            Command::Unseen | Command::Query => None,
            Command::Execute | Command::BulkExecute if self.statement().is_some() => None,
            other => Some(other.name()),
        }
    }

    /// `db.namespace`: the database that the command was executed in, or was to make current.
    fn namespace(&self) -> Option<&[u8]> {
        match (self.command, self.text) {
            (Command::Login | Command::ChangeUser, Some(Text::Account(account))) => {
                account.database.as_deref()
            }
            (Command::InitDb, Some(Text::Own(name))) => Some(name),
            (Command::Login, _) => None,
            _ => self.session.database(),
        }
    }

    fn user(&self) -> Option<&[u8]> {
        match self.text? {
            Text::Account(account) if !account.user.is_empty() => Some(&account.user),
            _ => None,
        }
    }

    /// The number of the prepared statement, and whether its text is known.
    fn statement_id(&self) -> Option<(u32, bool)> {
        match self.text? {
            Text::Prepared(id, _) => Some((*id, true)),
            Text::Unknown(id) => Some((*id, false)),
            _ => None,
        }
    }

    /// Errors that the server did not tell of.
    fn transport_error(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::NoResponse(reason) => reason.error(),
            _ => self.reply?.broken,
        }
    }

    fn compression(&self) -> Option<&'static str> {
        let agreed = self.command == Command::Login && self.reply?.failure.is_none();
        match self.session.compression() {
            Compression::Zlib if agreed => Some("zlib"),
            Compression::Zstd if agreed => Some("zstd"),
            _ => None,
        }
    }

    /// Rows that were changed, of a command that may change any.
    fn affected_rows(&self) -> Option<u64> {
        let changes = matches!(self.command, Command::Query | Command::Execute | Command::BulkExecute);
        self.reply?.affected_rows.filter(|_| changes)
    }

    fn answer_attributes<'s>(&'s self, reply: &'s Reply, visit: &mut dyn FnMut(&str, Value<'s>)) {
        if let Some(failure) = reply.failure {
            visit("db.response.status_code", Value::Text(Cow::Owned(failure.code.to_string())));
            if let Some(state) = failure.sqlstate {
                let state = String::from_utf8_lossy(&state).into_owned();
                visit("plainsight.db.sqlstate", Value::Text(Cow::Owned(state)));
            }
        }
        if let Some(rows) = reply.rows {
            visit("db.response.returned_rows", count(rows));
        }
        if let Some(rows) = self.affected_rows() {
            visit("plainsight.db.affected_rows", count(rows));
        }
        if reply.warnings > 0 {
            visit("plainsight.db.warnings", count(u64::from(reply.warnings)));
        }
    }
}

fn count(number: u64) -> Value<'static> {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Details for MysqlExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if let Some(summary) = self.query_summary() {
            return out.write_str(&summary);
        }
        let namespace = self.namespace().map(field_text);
        match (self.operation(), namespace) {
            (Some(operation), Some(namespace)) => write!(out, "{operation} {namespace}"),
            (Some(operation), None) => out.write_str(operation),
            (None, Some(namespace)) => out.write_str(&namespace),
            (None, None) => out.write_str(self.session.system()),
        }
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match self.query_summary() {
            Some(summary) => out.write_str(&summary)?,
            None => out.write_str(self.command.name())?,
        }
        if let Some(user) = self.user() {
            write!(out, " {}", field_text(user))?;
        }
        if matches!(self.command, Command::Login | Command::ChangeUser | Command::InitDb)
            && let Some(namespace) = self.namespace()
        {
            let at = if self.command == Command::InitDb { ' ' } else { '@' };
            write!(out, "{at}{}", field_text(namespace))?;
        }
        if self.statement_id().is_some_and(|(_, known)| !known) {
            out.write_str(" (unknown statement)")?;
        }
        if let Some(compression) = self.compression() {
            write!(out, " ({compression})")?;
        }
        if let Some(error) = self.transport_error() {
            return write!(out, " {error}");
        }
        let Some(reply) = self.reply else { return out.write_str(" ?") };
        if let Some(failure) = reply.failure {
            return write!(out, " ERR {}", failure.code);
        }
        match (reply.rows, self.affected_rows()) {
            (Some(1), _) => out.write_str(" 1 row"),
            (Some(rows), _) => write!(out, " {rows} rows"),
            (None, Some(affected @ 1..)) => write!(out, " {affected} affected"),
            _ => Ok(()),
        }
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        match self.reply.and_then(|reply| reply.failure) {
            Some(failure) => Some(Cow::Owned(failure.code.to_string())),
            None => self.transport_error().map(Cow::Borrowed),
        }
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("db.system.name", Value::Text(Cow::Borrowed(self.session.system())));
        if let Some(namespace) = self.namespace() {
            visit("db.namespace", Value::Text(field_text(namespace)));
        }
        if let Some(operation) = self.operation() {
            visit("db.operation.name", Value::Text(Cow::Borrowed(operation)));
        }
        if let Some(summary) = self.query_summary() {
            visit("db.query.summary", Value::Text(summary));
        }
        if let Some(statement) = self.statement().filter(|statement| !statement.text.is_empty()) {
            visit("db.query.text", Value::Text(field_text(statement.text.as_bytes())));
        }
        if let Some((id, known)) = self.statement_id() {
            if id != super::command::LAST_PREPARED {
                visit("plainsight.db.statement.id", Value::Integer(i64::from(id)));
            }
            if !known {
                visit("plainsight.db.statement", Value::Text(Cow::Borrowed("unknown")));
            }
        }
        if let Some(user) = self.user() {
            visit("plainsight.db.user", Value::Text(field_text(user)));
        }
        if let Some(compression) = self.compression() {
            visit("plainsight.db.compression", Value::Text(Cow::Borrowed(compression)));
        }
        if let Some(reply) = self.reply {
            self.answer_attributes(reply, visit);
        }
        ends::server(endpoints, Some(DEFAULT_PORT), visit);
        if side == Side::Server {
            visit("client.address", ends::address(endpoints.client.ip()));
        }
        ends::peer(side, endpoints, visit);
    }

    fn metric_attributes(
        &self,
        _side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            DbNamespace, DbOperationName, DbQuerySummary, DbResponseStatusCode, DbSystemName, ErrorType,
        };
        if wanted.contains(DbSystemName) {
            visit(DbSystemName, MetricValue::Text(self.session.system()));
        }
        if let Some(namespace) = self.namespace().filter(|_| wanted.contains(DbNamespace)) {
            visit(DbNamespace, MetricValue::Text(&field_text(namespace)));
        }
        if let Some(operation) = self.operation().filter(|_| wanted.contains(DbOperationName)) {
            visit(DbOperationName, MetricValue::Text(operation));
        }
        if wanted.contains(DbQuerySummary)
            && let Some(summary) = self.query_summary()
        {
            visit(DbQuerySummary, MetricValue::Text(&summary));
        }
        if let Some(failure) = self.reply.and_then(|reply| reply.failure) {
            let mut buffer = [0; 20];
            let code = decimal(u64::from(failure.code), &mut buffer);
            for attribute in [DbResponseStatusCode, ErrorType] {
                if wanted.contains(attribute) {
                    visit(attribute, MetricValue::Text(code));
                }
            }
        } else if let Some(error) = self.transport_error().filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(error));
        }
        ends::metric_server(endpoints, Some(DEFAULT_PORT), wanted, visit);
    }

    fn measures(&self) -> Measures {
        Measures { returned_rows: self.reply.and_then(|reply| reply.rows), ..Measures::default() }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        let (Command::Query, Some(Text::Own(text))) = (self.command, self.text) else { return None };
        let start = memchr::memmem::find(text, COMMENTED_TRACE)? + COMMENTED_TRACE.len();
        trace_context::trace_parent(text.get(start..)?.split(|&byte| byte == b'\'').next()?)
    }
}
