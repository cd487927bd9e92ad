//! What aggregates are kept by: the values of some fields of an exchange, as one key.

use std::{fmt::Write, str::FromStr};

use plainsight_protocols::Protocol;

use super::{Facets, FilterValueError, outcome_name, record::endpoints, side_name};
use crate::{flow::Observed, identity::Identity};

/// The value of every field of the key that stands for all keys past the limit.
pub const OVERFLOW: &str = "…other";

/// Longest value of one field of a key, in bytes; what is longer is cut at a character's border.
const VALUE_LIMIT: usize = 256;

/// Length that stands for a value that is absent, as opposed to empty.
const ABSENT: u16 = u16::MAX;

/// A field that aggregates can be kept by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyField {
    /// Thread name and process id.
    Process,
    /// Thread name.
    Comm,
    /// Process id.
    Pid,
    /// Protocol.
    Protocol,
    /// Which end was observed.
    Side,
    /// Request method or operation.
    Method,
    /// Request path or another target.
    Path,
    /// The path without what varies from request to request.
    Route,
    /// Status of the answer.
    Status,
    /// OpenTelemetry's `error.type`.
    Error,
    /// How much of the exchange was seen.
    Outcome,
    /// Address and port of the server.
    Server,
    /// Address of the client.
    Client,
    /// Address of the other end.
    Remote,
    /// Client and server with their ports.
    Connection,
    /// Container id.
    Container,
    /// Pod uid.
    Pod,
    /// OpenTelemetry's span name.
    Name,
}

impl KeyField {
    /// All of them, in the order in which help shows them.
    pub const ALL: [Self; 18] = [
        Self::Process,
        Self::Comm,
        Self::Pid,
        Self::Protocol,
        Self::Side,
        Self::Method,
        Self::Path,
        Self::Route,
        Self::Status,
        Self::Error,
        Self::Outcome,
        Self::Server,
        Self::Client,
        Self::Remote,
        Self::Connection,
        Self::Container,
        Self::Pod,
        Self::Name,
    ];

    /// The name that `--by` takes and tables show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Comm => "comm",
            Self::Pid => "pid",
            Self::Protocol => "protocol",
            Self::Side => "side",
            Self::Method => "method",
            Self::Path => "path",
            Self::Route => "route",
            Self::Status => "status",
            Self::Error => "error",
            Self::Outcome => "outcome",
            Self::Server => "server",
            Self::Client => "client",
            Self::Remote => "remote",
            Self::Connection => "connection",
            Self::Container => "container",
            Self::Pod => "pod",
            Self::Name => "name",
        }
    }

    /// Whether its values are numbers where they can be.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Pid | Self::Status)
    }

    const fn is_facet(self) -> bool {
        matches!(self, Self::Method | Self::Path | Self::Route | Self::Status)
    }

    const fn is_identity(self) -> bool {
        matches!(self, Self::Container | Self::Pod)
    }
}

impl FromStr for KeyField {
    type Err = FilterValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == text).map(|(_, field)| *field);
        let field = Self::ALL.into_iter().find(|field| field.name() == text);
        field.or(other).ok_or(FilterValueError(
            "a key is one of process, comm, pid, protocol, side, method, path, route, status, error, outcome, \
             server, client, remote, connection, container, pod, name",
        ))
    }
}

/// What else fields are called where protocols have words of their own.
const OTHER_NAMES: [(&str, KeyField); 12] = [
    ("operation", KeyField::Method),
    ("command", KeyField::Method),
    ("verb", KeyField::Method),
    ("target", KeyField::Path),
    ("key", KeyField::Path),
    ("table", KeyField::Path),
    ("topic", KeyField::Path),
    ("question", KeyField::Path),
    ("service", KeyField::Server),
    ("proto", KeyField::Protocol),
    ("error.type", KeyField::Error),
    ("peer", KeyField::Remote),
];

/// What aggregates of these protocols are kept by unless told otherwise. `by_process` says whether processes are known;
/// if not, services stand for them.
#[must_use]
pub fn default_fields(protocols: &[Protocol], by_process: bool) -> Vec<KeyField> {
    let mut fields = if by_process { vec![KeyField::Comm, KeyField::Side] } else { vec![KeyField::Server] };
    fields.extend_from_slice(match protocols {
        // Their names alone say too little.
        [Protocol::Dns] => &[KeyField::Method, KeyField::Path][..],
        [Protocol::Tls] => &[KeyField::Path],
        // Which of several caches it is matters as much as the command.
        [Protocol::Redis | Protocol::Memcached] if by_process => &[KeyField::Server, KeyField::Name],
        [_] => &[KeyField::Name],
        _ => &[KeyField::Protocol, KeyField::Name],
    });
    fields
}

/// The fields that make a key, in order.
///
/// Workers know no containers, and looking one up would hold them up. Where a field, or a filter, depends on identity,
/// their keys carry the process id as well, and [`Grouping::resolve`] replaces it where aggregates are collected.
#[derive(Debug, Clone)]
pub struct Grouping {
    fields: Vec<KeyField>,
    needs_facets: bool,
    by_identity: bool,
}

impl Grouping {
    /// A grouping by these fields. `identity_filtered` says that keys must tell processes apart until
    /// [`Grouping::resolve`], though no field may show them.
    #[must_use]
    pub fn new(fields: Vec<KeyField>, identity_filtered: bool) -> Self {
        let needs_facets = fields.iter().any(|field| field.is_facet());
        let by_identity = identity_filtered || fields.iter().any(|field| field.is_identity());
        Self { fields, needs_facets, by_identity }
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &[KeyField] {
        &self.fields
    }

    /// The same grouping for keys that [`Grouping::resolve`] has written.
    #[must_use]
    pub fn resolved(&self) -> Self {
        Self { by_identity: false, ..self.clone() }
    }

    /// Writes the key of an exchange over `key`, whose memory is used again.
    pub fn write_key(&self, observed: &Observed<'_>, key: &mut Vec<u8>) {
        key.clear();
        if self.by_identity {
            key.extend_from_slice(&observed.process.pid.to_le_bytes());
        }
        let facets = if self.needs_facets {
            Facets::of(observed.exchange, observed.side, &endpoints(observed))
        } else {
            Facets::default()
        };
        for &field in &self.fields {
            write_field(field, observed, &facets, key);
        }
    }

    /// The key that everything is counted under once there are too many keys.
    #[must_use]
    pub fn overflow_key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        if self.by_identity {
            key.extend_from_slice(&[0; 4]);
        }
        for _ in &self.fields {
            write_value(&mut key, |value| value.write_str(OVERFLOW));
        }
        key
    }

    /// The process that a worker's key belongs to, where it carries one.
    #[must_use]
    pub fn pid(&self, key: &[u8]) -> Option<u32> {
        let pid = u32::from_le_bytes(*key.first_chunk()?);
        (self.by_identity && pid != 0).then_some(pid)
    }

    /// A worker's key without its process id, and with the identity's values where fields ask for them.
    pub fn resolve(&self, key: &[u8], identity: Option<&Identity>, resolved: &mut Vec<u8>) {
        resolved.clear();
        let mut values = self.values(key);
        for &field in &self.fields {
            let named;
            let value = values.next().flatten();
            let value = match field {
                _ if value == Some(OVERFLOW) => value,
                KeyField::Container => {
                    named = identity.and_then(Identity::container_label);
                    named.as_deref()
                }
                KeyField::Pod => {
                    named = identity.and_then(Identity::pod_label);
                    named.as_deref()
                }
                _ => value,
            };
            write_optional(resolved, value);
        }
    }

    /// The values of a key, one for each field.
    pub fn values<'a>(&self, key: &'a [u8]) -> KeyFields<'a> {
        KeyFields { rest: if self.by_identity { key.get(4..).unwrap_or_default() } else { key } }
    }
}

/// The values of a key in the order of its grouping's fields; `None` for a value that is absent.
#[derive(Debug, Clone)]
pub struct KeyFields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for KeyFields<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let length = u16::from_le_bytes(*length);
        if length == ABSENT {
            self.rest = rest;
            return Some(None);
        }
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        self.rest = rest;
        Some(std::str::from_utf8(value).ok())
    }
}

fn write_field(field: KeyField, observed: &Observed<'_>, facets: &Facets<'_>, key: &mut Vec<u8>) {
    let process = &observed.process;
    let exchange = observed.exchange;
    let ends = || {
        let ends = endpoints(observed);
        (ends.client, ends.server)
    };
    match field {
        KeyField::Process | KeyField::Comm | KeyField::Pid if process.pid == 0 => write_optional(key, None),
        KeyField::Process => write_value(key, |out| write!(out, "{}({})", process.comm(), process.pid)),
        KeyField::Comm => write_optional(key, Some(&process.comm())),
        KeyField::Pid => write_value(key, |out| write!(out, "{}", process.pid)),
        KeyField::Protocol => write_optional(key, Some(exchange.protocol.name())),
        KeyField::Side => write_optional(key, Some(side_name(observed.side))),
        KeyField::Method => write_optional(key, facets.method.as_deref()),
        KeyField::Path => write_optional(key, facets.path.as_deref()),
        KeyField::Route => write_optional(key, facets.route.as_deref().or(facets.path.as_deref())),
        KeyField::Status => match &facets.status {
            Some(status) => write_value(key, |out| write!(out, "{status}")),
            None => write_optional(key, None),
        },
        KeyField::Error => write_optional(key, exchange.details.error_type(observed.side).as_deref()),
        KeyField::Outcome => write_optional(key, Some(outcome_name(exchange.outcome))),
        KeyField::Server => write_value(key, |out| write!(out, "{}", ends().1)),
        KeyField::Client => write_value(key, |out| write!(out, "{}", ends().0.ip().to_canonical())),
        KeyField::Remote => write_value(key, |out| write!(out, "{}", observed.remote.ip().to_canonical())),
        KeyField::Connection => {
            let (client, server) = ends();
            write_value(key, |out| write!(out, "{client} → {server}"));
        }
        KeyField::Container | KeyField::Pod => write_optional(key, None),
        KeyField::Name => write_value(key, |out| exchange.details.name(out)),
    }
}

fn write_optional(key: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => write_value(key, |out| out.write_str(value)),
        None => key.extend_from_slice(&ABSENT.to_le_bytes()),
    }
}

/// Appends what `write` writes, with its length before it and cut to the limit.
fn write_value(key: &mut Vec<u8>, write: impl FnOnce(&mut KeyValue<'_>) -> std::fmt::Result) {
    let start = key.len();
    key.extend_from_slice(&[0; 2]);
    // Fails when the value is full, which is how the rest of it is left out.
    let _ = write(&mut KeyValue { key, left: VALUE_LIMIT });
    let length = u16::try_from(key.len() - start - 2).unwrap_or(0);
    key[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

/// A value being written at the end of a key.
struct KeyValue<'a> {
    key: &'a mut Vec<u8>,
    left: usize,
}

impl Write for KeyValue<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let fits = &text[..text.floor_char_boundary(self.left)];
        self.key.extend_from_slice(fits.as_bytes());
        self.left -= fits.len();
        if fits.len() == text.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}

#[cfg(test)]
#[path = "grouping_tests.rs"]
mod tests;
