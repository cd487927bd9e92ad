//! What filters and aggregates ask for, whatever the protocol calls it: the operation, its target, how it ended.
//!
//! | protocol | method | path | status |
//! |---|---|---|---|
//! | HTTP | method | path | status code |
//! | gRPC | method, with or without its service | `/package.Service/Method` | name of the status code |
//! | Redis, Memcached | command | first key, procedure | first word of an error |
//! | PostgreSQL, MySQL | first word of the statement, or the command | what follows it: tables | SQLSTATE; error number and SQLSTATE |
//! | MongoDB | command | collection | error code and its name |
//! | Kafka | API, operation | topics, else the group | name of the error, and its code |
//! | DNS | type of the question, or the operation | name in the question | response code |
//! | TLS | | name of the server | alert |
//!
//! Where nothing of the answer tells a status, it is `error.type`: `connection_reset`, `timeout`.

use std::{
    borrow::{Borrow as _, Cow},
    fmt,
};

use plainsight_protocols::{Endpoints, Exchange, Protocol, Side, Value};

use super::{PathPattern, StatusPattern};

/// What was asked for, of what, and how it was answered. Each is absent where the protocol has none or it was not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets<'a> {
    /// The request method or the operation, as it was sent.
    pub method: Option<Cow<'a, str>>,
    /// Another name of the method.
    pub other_method: Option<Cow<'a, str>>,
    /// What the request was for, without a query. Several targets have blanks between them.
    pub path: Option<Cow<'a, str>>,
    /// The path without what varies from request to request, where that is another text.
    pub route: Option<Cow<'a, str>>,
    /// The answer's status.
    pub status: Option<StatusCode<'a>>,
    /// Another name of the status.
    pub other_status: Option<StatusCode<'a>>,
    /// Whether the path lists targets, each of which may be asked for.
    lists: bool,
}

/// The status of an answer: a number in most protocols, a word in some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusCode<'a> {
    /// Such as 404.
    Number(i64),
    /// Such as `NXDOMAIN`.
    Word(Cow<'a, str>),
}

impl fmt::Display for StatusCode<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Word(word) => word.fmt(formatter),
        }
    }
}

/// Attributes that facets are made of when all have been seen.
#[derive(Default)]
struct Found<'a> {
    original_method: Option<Cow<'a, str>>,
    query_text: Option<Cow<'a, str>>,
    query_summary: Option<Cow<'a, str>>,
    command_tags: Option<Cow<'a, str>>,
    namespace: Option<Cow<'a, str>>,
    group: Option<Cow<'a, str>>,
    server: Option<Cow<'a, str>>,
}

impl<'a> Facets<'a> {
    /// Reads them from an exchange's attributes, which costs computing those: ask only when they are needed.
    #[must_use]
    pub fn of(exchange: &Exchange<'a>, side: Side, endpoints: &Endpoints) -> Self {
        let mut facets = Self::default();
        let mut found = Found::default();
        exchange.details.attributes(side, endpoints, &mut |name, value| match name {
            "http.request.method_original" | "rpc.method_original" => found.original_method = text(value),
            "http.request.method"
            | "rpc.method"
            | "db.operation.name"
            | "plainsight.kafka.api"
            | "plainsight.dns.question.type"
            // Where a question is no query, this comes later and tells more.
            | "plainsight.dns.opcode" => facets.method = text(value),
            "messaging.operation.name" => facets.other_method = text(value),
            "url.path"
            | "dns.question.name"
            | "db.collection.name"
            | "db.stored_procedure.name"
            | "messaging.destination.name" => facets.path = text(value),
            // Client spans have no path of its own (OpenTelemetry HTTP semantic conventions).
            "url.full" if facets.path.is_none() => facets.path = text(value).map(path_of_url),
            "plainsight.kafka.topic_names" => facets.path = listed(value),
            "plainsight.http.route" => facets.route = text(value),
            "http.response.status_code"
            | "db.response.status_code"
            | "rpc.response.status_code"
            | "plainsight.dns.response_code" => facets.status = status(value),
            "plainsight.db.sqlstate" | "plainsight.mongodb.code_name" | "plainsight.kafka.error_code" => {
                facets.other_status = status(value);
            }
            "db.query.text" => found.query_text = text(value),
            "db.query.summary" => found.query_summary = text(value),
            "db.namespace" => found.namespace = text(value),
            "plainsight.postgresql.command_tags" => found.command_tags = listed(value),
            "messaging.consumer.group.name" => found.group = text(value),
            "server.address" => found.server = text(value),
            _ => {}
        });
        // A method outside the standard list is reported as `_OTHER` beside the original.
        if found.original_method.is_some() {
            facets.method = found.original_method.take();
        }
        facets.complete(exchange.protocol, found);
        if facets.status.is_none() {
            facets.status = exchange.details.error_type(side).map(|error| StatusCode::Word(owned(error)));
        }
        facets
    }

    /// What several attributes tell together, or what no attribute tells by itself.
    fn complete(&mut self, protocol: Protocol, found: Found<'a>) {
        match protocol {
            Protocol::Grpc => {
                self.path = self.method.as_ref().map(|method| Cow::Owned(format!("/{method}")));
            }
            Protocol::Redis | Protocol::Memcached => {
                let key = || first_key(found.query_text?, self.method.as_deref());
                self.path = self.path.take().or_else(key);
            }
            Protocol::Mysql | Protocol::Postgresql => {
                self.lists = true;
                let operation = self.method.as_deref();
                let (verb, targets) = found.query_summary.map_or((None, None), |text| split(text, operation));
                self.method = self.method.take().or(verb).or_else(|| first_word(found.command_tags?));
                self.path = targets.or(found.namespace);
            }
            Protocol::Kafka => {
                self.lists = true;
                self.path = self.path.take().or(found.group);
            }
            Protocol::Tls => self.path = found.server,
            _ => {}
        }
    }

    /// Whether that is the method, in any case: `get`, `SayHello` as well as `hello.Greeter/SayHello`.
    #[must_use]
    pub fn has_method(&self, wanted: &str) -> bool {
        let named = |method: &str| {
            let last = method.rsplit('/').next().unwrap_or(method);
            method.eq_ignore_ascii_case(wanted) || last.eq_ignore_ascii_case(wanted)
        };
        [&self.method, &self.other_method].into_iter().flatten().any(|method| named(method))
    }

    /// Whether a pattern matches what was asked for, or any of it.
    #[must_use]
    pub fn has_path(&self, wanted: &PathPattern) -> bool {
        let Some(path) = self.path.as_deref() else { return false };
        if wanted.matches(path) {
            return true;
        }
        let plain = |name: &str| name.trim_matches(['"', '`', '[', ']']).to_owned();
        self.lists
            && path.split(' ').any(|target| {
                let target = plain(target);
                // `shop.orders` is `orders`, too.
                wanted.matches(&target)
                    || target.rsplit_once('.').is_some_and(|(_, name)| wanted.matches(&plain(name)))
            })
    }

    /// Whether a pattern matches one of the status's names.
    #[must_use]
    pub fn has_status(&self, wanted: &StatusPattern) -> bool {
        [&self.status, &self.other_status].into_iter().flatten().any(|status| wanted.matches(status))
    }
}

fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Texts(_) => None,
    }
}

fn listed(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Texts(texts) => Some(Cow::Owned(texts.join(" "))),
        Value::Text(_) | Value::Integer(_) => None,
    }
}

fn status(value: Value<'_>) -> Option<StatusCode<'_>> {
    match value {
        Value::Integer(number) => Some(StatusCode::Number(number)),
        Value::Text(word) => Some(StatusCode::Word(word)),
        Value::Texts(_) => None,
    }
}

fn owned<'a>(text: Cow<'_, str>) -> Cow<'a, str> {
    Cow::Owned(text.into_owned())
}

/// A part of a text, without a copy where it was borrowed.
fn part<'a>(text: &Cow<'a, str>, range: std::ops::Range<usize>) -> Option<Cow<'a, str>> {
    let part = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range)?),
        Cow::Owned(text) => Cow::Owned(text.get(range)?.to_owned()),
    };
    Some(part).filter(|part| !part.is_empty())
}

fn first_word(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let end = text.find(' ').unwrap_or(text.len());
    part(&text, 0..end)
}

/// The word behind the command; a question mark stands for what is masked.
fn first_key<'a>(query: Cow<'a, str>, command: Option<&str>) -> Option<Cow<'a, str>> {
    let start = query.strip_prefix(command?).filter(|rest| rest.starts_with(' '))?;
    let start = query.len() - start.len() + 1;
    let end = query.get(start..)?.find(' ').map_or(query.len(), |length| start + length);
    part(&query, start..end).filter(|key| key != "?")
}

/// The verb of a statement's summary, and what follows it. Before them may stand the operation on the statement.
fn split<'a>(summary: Cow<'a, str>, operation: Option<&str>) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
    let statement = operation.and_then(|operation| summary.strip_prefix(operation)?.strip_prefix(' '));
    let start = summary.len() - statement.unwrap_or(summary.borrow()).len();
    let end = summary.get(start..).and_then(|rest| rest.find(' ')).map_or(summary.len(), |end| start + end);
    (part(&summary, start..end), part(&summary, (end + 1).min(summary.len())..summary.len()))
}

/// The path of an absolute URL (RFC 3986 section 3): after the authority, before the query and the fragment.
fn path_of_url(url: Cow<'_, str>) -> Cow<'_, str> {
    fn range(url: &str) -> std::ops::Range<usize> {
        let authority = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[authority..].find(['?', '#']).map_or(url.len(), |end| authority + end);
        let start = url[authority..end].find('/').map_or(end, |start| authority + start);
        start..end
    }
    match url {
        Cow::Borrowed(url) => Cow::Borrowed(&url[range(url)]),
        Cow::Owned(url) => Cow::Owned(url[range(&url)].to_owned()),
    }
}

#[cfg(test)]
#[path = "facets_tests.rs"]
mod tests;
