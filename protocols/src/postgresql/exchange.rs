//! What an exchange means in OpenTelemetry's terms (semantic conventions 1.44, PostgreSQL).

use std::{borrow::Cow, fmt};

use super::{
    answer::Answer,
    message::SqlState,
    session::Identity,
    step::{Step, StepKind},
};
use crate::{
    Details, Endpoints, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Outcome, Side,
    TraceParent, Value,
    ends::{self, Visit},
    sanitise::field_text,
};

/// The port that is not worth naming.
const DEFAULT_PORT: u16 = 5432;

/// `error.type` of an error whose SQLSTATE was not seen.
const UNKNOWN_ERROR: &str = "_OTHER";

/// One exchange, complete or in part.
pub(super) struct PostgresqlExchange<'a> {
    pub(super) step: Option<&'a Step>,
    pub(super) answer: Option<&'a Answer>,
    pub(super) outcome: Outcome,
    pub(super) identity: &'a Identity,
}

/// Characters of a text that stand in a line for people.
const LINE_CHARACTERS: usize = 80;

/// What a step is called that is not an SQL statement being run.
const fn operation(kind: StepKind) -> Option<&'static str> {
    match kind {
        StepKind::Query | StepKind::Execute => None,
        StepKind::Ssl => Some("SSLRequest"),
        StepKind::Gssenc => Some("GSSENCRequest"),
        StepKind::Cancel => Some("CancelRequest"),
        StepKind::Startup => Some("CONNECT"),
        StepKind::Call => Some("FunctionCall"),
        StepKind::Prepare => Some("PREPARE"),
        StepKind::Bind => Some("BIND"),
        StepKind::Describe => Some("DESCRIBE"),
        StepKind::Close => Some("CLOSE"),
        StepKind::Sync => Some("SYNC"),
    }
}

/// Whether a SQLSTATE means failure: classes 00 and 01 are success and warnings.
fn is_failure(state: &SqlState) -> bool {
    !matches!(state, [b'0', b'0' | b'1', ..])
}

fn state_text(state: &SqlState) -> &str {
    std::str::from_utf8(state).unwrap_or_default()
}

fn integer(number: u64) -> Value<'static> {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

impl<'a> PostgresqlExchange<'a> {
    fn kind(&self) -> Option<StepKind> {
        self.step.map(|step| step.kind)
    }

    /// What the text says in short, empty if it is not known or says nothing.
    fn statement_summary(&self) -> &'a str {
        self.step.and_then(|step| step.sql.as_ref()).map_or("", |sql| &sql.statement().summary)
    }

    /// The command that the server says it carried out, which is all there is where the text is not known.
    fn command(&self) -> Option<&'a str> {
        let command = self.answer?.tags().next()?.command();
        (!command.is_empty()).then_some(command)
    }

    /// What is done, as the protocol tells it: by the kind of message or, where no text says more, by the server's answer.
    fn operation_name(&self) -> Option<&'a str> {
        match self.kind().and_then(operation) {
            None if self.statement_summary().is_empty() => self.command(),
            known => known,
        }
    }

    /// The database, with the schema if that is known.
    fn namespace(&self) -> Option<Cow<'a, str>> {
        let database = self.identity.database.as_deref()?;
        Some(match &self.identity.schema {
            Some(schema) => Cow::Owned(format!("{database}|{schema}")),
            None => Cow::Borrowed(database),
        })
    }

    fn error(&self) -> Option<Cow<'a, str>> {
        if let Some(error) = self.answer.and_then(|answer| answer.error.as_ref()) {
            return match error {
                Some(state) => is_failure(state).then(|| Cow::Borrowed(state_text(state))),
                None => Some(Cow::Borrowed(UNKNOWN_ERROR)),
            };
        }
        let Outcome::NoResponse(reason) = self.outcome else { return None };
        reason.error().map(Cow::Borrowed)
    }

    /// Writes what was asked for, the same for all requests of a kind: a summary of the statement, or an operation and
    /// its target, or the database alone.
    fn asked(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let operation = self.operation_name();
        if let Some(operation) = operation {
            out.write_str(operation)?;
        }
        match (operation, self.statement_summary()) {
            (None, "") => out.write_str(self.namespace().as_deref().unwrap_or("postgresql")),
            (None, summary) => out.write_str(summary),
            (Some(_), "") if self.kind() == Some(StepKind::Startup) => match self.namespace() {
                Some(namespace) => write!(out, " {namespace}"),
                None => Ok(()),
            },
            (Some(_), "") => Ok(()),
            (Some(_), summary) => write!(out, " {summary}"),
        }
    }

    /// Writes the beginning of a text of which there is no summary, in one line.
    fn asked_in_words(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let text = self.step.and_then(|step| step.sql.as_ref()).map_or("", |sql| &sql.statement().text);
        if text.is_empty() || !self.statement_summary().is_empty() {
            let unknown = self.kind() == Some(StepKind::Execute) && self.statement_summary().is_empty();
            return match (unknown, self.step.is_none(), self.command()) {
                (_, true, None) => out.write_char('?'),
                (true, _, None) => out.write_str("EXECUTE"),
                _ => self.asked(out),
            };
        }
        if let Some(operation) = self.kind().and_then(operation) {
            write!(out, "{operation} ")?;
        }
        text.chars()
            .take(LINE_CHARACTERS)
            .try_for_each(|character| out.write_char(if character.is_control() { ' ' } else { character }))
    }

    fn session_attributes<'s>(&'s self, visit: Visit<'_, 's>) {
        let identity = self.identity;
        match self.kind() {
            Some(StepKind::Startup) => {
                if let Some(user) = &identity.user {
                    visit("plainsight.postgresql.user", text(user));
                }
                if let Some(method) = identity.authentication {
                    visit("plainsight.postgresql.authentication", text(method));
                }
                if let Some(minor) = identity.minor_version {
                    visit("network.protocol.version", Value::Text(Cow::Owned(format!("3.{minor}"))));
                }
            }
            Some(StepKind::Cancel) => {}
            _ => return,
        }
        if let Some(process_id) = identity.process_id {
            visit("plainsight.postgresql.process_id", integer(u64::from(process_id)));
        }
    }

    fn answer_attributes<'s>(&'s self, visit: Visit<'_, 's>) {
        let Some(answer) = self.answer else { return };
        if let Some(Some(state)) = &answer.error {
            visit("db.response.status_code", text(state_text(state)));
        }
        if let Some(rows) = answer.returned {
            visit("db.response.returned_rows", integer(rows));
        }
        if let Some(rows) = answer.affected {
            visit("plainsight.db.response.affected_rows", integer(rows));
        }
        let tags: Vec<_> = answer.tags().map(|tag| Cow::Borrowed(tag.text())).collect();
        if !tags.is_empty() {
            visit("plainsight.postgresql.command_tags", Value::Texts(tags));
        }
        if let Some(verdict) = answer.verdict {
            let verdict = if verdict == b'N' { "refused" } else { "accepted" };
            visit("plainsight.postgresql.encryption", text(verdict));
        }
        if answer.suspended {
            visit("plainsight.postgresql.suspended", text("true"));
        }
        if answer.skipped {
            visit("plainsight.postgresql.skipped", text("true"));
        }
    }

    /// Writes what came back.
    fn answered(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        if let Some(error) = self.error() {
            return match self.outcome {
                Outcome::NoResponse(_) => write!(out, " {error}"),
                _ => write!(out, " ERROR {error}"),
            };
        }
        let Some(answer) = self.answer else {
            return if self.kind() == Some(StepKind::Cancel) { Ok(()) } else { out.write_str(" ?") };
        };
        let rows = |rows: u64| if rows == 1 { "row" } else { "rows" };
        if answer.skipped {
            return out.write_str(" skipped");
        }
        match (answer.returned, answer.affected) {
            (Some(returned), _) => {
                write!(out, " {returned} {}", rows(returned))?;
                if answer.suspended { out.write_str(", more to come") } else { Ok(()) }
            }
            (None, Some(affected)) => write!(out, " {affected} {} affected", rows(affected)),
            (None, None) => match answer.verdict {
                Some(b'N') => out.write_str(" refused"),
                Some(_) => out.write_str(" accepted"),
                None if answer.torn && !answer.concluded => out.write_str(" ?"),
                None => Ok(()),
            },
        }
    }
}

impl Details for PostgresqlExchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.asked(out)
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.asked_in_words(out)?;
        if let Some(step) = self.step
            && step.kind == StepKind::Execute
            && step.sql.is_none()
        {
            match &step.unknown {
                Some(name) => write!(out, " (statement {} was prepared unseen)", field_text(name))?,
                None => out.write_str(" (statement was prepared unseen)")?,
            }
        }
        self.answered(out)
    }

    fn error_type(&self, _side: Side) -> Option<Cow<'_, str>> {
        self.error()
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        visit("db.system.name", text("postgresql"));
        if let Some(namespace) = self.namespace() {
            visit("db.namespace", Value::Text(namespace));
        }
        let operation = self.operation_name();
        if let Some(operation) = operation {
            visit("db.operation.name", text(operation));
        }
        if let Some(step) = self.step {
            if let Some(sql) = &step.sql {
                let statement = sql.statement();
                if !statement.text.is_empty() {
                    visit("db.query.text", text(&statement.text));
                }
                match (operation, statement.summary.as_str()) {
                    (_, "") => {}
                    (None, summary) => visit("db.query.summary", text(summary)),
                    (Some(operation), summary) => {
                        visit("db.query.summary", Value::Text(Cow::Owned(format!("{operation} {summary}"))));
                    }
                }
            } else if step.kind == StepKind::Execute {
                visit("plainsight.postgresql.statement", text("unknown"));
            }
            if let Some(name) = &step.unknown {
                visit("plainsight.postgresql.statement_name", Value::Text(field_text(name)));
            }
        }
        self.answer_attributes(visit);
        self.session_attributes(visit);
        match side {
            Side::Server => visit("client.address", ends::address(endpoints.client.ip())),
            Side::Client => ends::server(endpoints, Some(DEFAULT_PORT), visit),
        }
        ends::peer(side, endpoints, visit);
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        use MetricAttribute::{
            DbNamespace, DbOperationName, DbQuerySummary, DbResponseStatusCode, DbSystemName, ErrorType,
            NetworkProtocolVersion,
        };
        if wanted.contains(DbSystemName) {
            visit(DbSystemName, MetricValue::Text("postgresql"));
        }
        if wanted.contains(DbNamespace)
            && let Some(namespace) = self.namespace()
        {
            visit(DbNamespace, MetricValue::Text(&namespace));
        }
        let operation = self.operation_name();
        if let Some(operation) = operation.filter(|_| wanted.contains(DbOperationName)) {
            visit(DbOperationName, MetricValue::Text(operation));
        }
        if wanted.contains(DbQuerySummary) {
            match (operation, self.statement_summary()) {
                (_, "") => {}
                (None, summary) => visit(DbQuerySummary, MetricValue::Text(summary)),
                (Some(operation), summary) => {
                    visit(DbQuerySummary, MetricValue::Text(&format!("{operation} {summary}")));
                }
            }
        }
        let state = self.answer.and_then(|answer| answer.error.as_ref()).and_then(Option::as_ref);
        if let Some(state) = state.filter(|_| wanted.contains(DbResponseStatusCode)) {
            visit(DbResponseStatusCode, MetricValue::Text(state_text(state)));
        }
        if let Some(error) = self.error().filter(|_| wanted.contains(ErrorType)) {
            visit(ErrorType, MetricValue::Text(&error));
        }
        let begins = self.kind() == Some(StepKind::Startup) && wanted.contains(NetworkProtocolVersion);
        if let Some(minor) = self.identity.minor_version.filter(|_| begins) {
            visit(NetworkProtocolVersion, MetricValue::Text(&format!("3.{minor}")));
        }
        if side == Side::Client {
            ends::metric_server(endpoints, Some(DEFAULT_PORT), wanted, visit);
        }
    }

    fn measures(&self) -> Measures {
        Measures { returned_rows: self.answer.and_then(|answer| answer.returned), ..Measures::default() }
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        None
    }
}
