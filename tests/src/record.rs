//! The exchange record as a tool outside the project would read it: a second reading of the contract, on purpose not
//! the type that writes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One line of `plainsight watch --json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// RFC 3339 with nanoseconds.
    pub start: String,
    /// Absent if the end was not seen.
    pub duration_ns: Option<u64>,
    /// `http` and others.
    pub protocol: String,
    /// `client` or `server`.
    pub side: String,
    /// `complete`, `no_response`, `partial`.
    pub outcome: String,
    /// The span's name.
    pub name: String,
    /// The error, if it ended in one.
    pub error_type: Option<String>,
    /// The end that asked.
    pub client: End,
    /// The end that answered.
    pub server: End,
    /// OpenTelemetry attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Size of the request on the wire.
    pub request_bytes: u64,
    /// Size of the response on the wire.
    pub response_bytes: u64,
    /// Bytes lost to observation.
    pub missing_bytes: u64,
    /// Who did it.
    pub process: Option<Process>,
    /// Where that ran.
    pub container: Option<Value>,
    /// And for whom.
    pub k8s: Option<Value>,
    /// The service it belongs to.
    #[serde(default)]
    pub service: Option<Service>,
    /// Whose the other end is.
    #[serde(default)]
    pub peer: Option<Value>,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// 16 hexadecimal digits.
    pub parent_span_id: Option<String>,
    /// Why there was no response.
    pub outcome_reason: Option<String>,
}

/// An address.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct End {
    /// IPv4 or IPv6.
    pub address: String,
    /// Its port.
    pub port: u16,
}

/// A process.
#[derive(Debug, Clone, Deserialize)]
pub struct Process {
    /// In the initial namespace.
    pub pid: u32,
    /// The thread's name.
    pub comm: String,
    /// The program.
    pub exe: Option<String>,
    /// Who started it.
    #[serde(default)]
    pub parent_pid: Option<u32>,
    /// Whose it is.
    #[serde(default)]
    pub user_id: Option<u32>,
    /// And by which name.
    #[serde(default)]
    pub user: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub started: Option<String>,
    /// Its arguments, on request.
    #[serde(default)]
    pub command: Option<String>,
}

/// A service by OpenTelemetry's conventions.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
}

impl Record {
    /// An attribute that is text; empty if there is none.
    #[must_use]
    pub fn text(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).and_then(Value::as_str).unwrap_or_default()
    }

    /// An attribute that is a number.
    #[must_use]
    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.attributes.get(attribute).and_then(Value::as_i64)
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> Option<i64> {
        self.number("http.response.status_code")
    }

    /// Method, path and status in one line, for messages.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{} {} {} {} {:?} {}",
            self.side,
            self.text("http.request.method"),
            self.text("url.path"),
            self.status().map_or_else(|| "-".to_owned(), |status| status.to_string()),
            self.duration_ns,
            self.outcome
        )
    }
}
