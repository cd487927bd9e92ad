//! The exchange record as a tool reads it (`DESIGN.md` section 3): a reader of our own, so that a change of the writer
//! is noticed.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One exchange.
#[derive(Debug, Clone, Deserialize)]
pub struct ExchangeRecord {
    /// When it began, as RFC 3339 says it.
    pub start: String,
    /// How long it took, where its end was seen.
    pub duration_ns: Option<u64>,
    /// The protocol's name.
    pub protocol: String,
    /// `client` or `server`.
    pub side: String,
    /// `complete`, `no_response` or `partial`.
    pub outcome: String,
    /// The end that asked.
    pub client: End,
    /// The end that answered.
    pub server: End,
    /// OpenTelemetry's attributes.
    pub attributes: Map<String, Value>,
    /// Size of the request.
    pub request_bytes: u64,
    /// Size of the response.
    pub response_bytes: u64,
    /// Bytes of both that were lost to observation.
    pub missing_bytes: u64,
    /// The trace that it belongs to.
    pub trace_id: String,
    /// Its own identity.
    pub span_id: String,
}

/// One end of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct End {
    /// IP address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

impl From<SocketAddr> for End {
    fn from(address: SocketAddr) -> Self {
        Self { address: address.ip(), port: address.port() }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(formatter)
    }
}

impl ExchangeRecord {
    /// A text attribute.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    /// A number attribute.
    #[must_use]
    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.attributes.get(attribute)?.as_i64()
    }

    /// The HTTP method as it was sent.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text("http.request.method_original").or_else(|| self.text("http.request.method"))
    }

    /// Path and query, as far as they were seen.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        let path = self.text("url.path")?;
        Some(match self.text("url.query") {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        })
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> Option<i64> {
        self.number("http.response.status_code")
    }

    /// Checks what must hold for each record of a replayed HTTP capture, whatever the capture holds.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check_http_replay(&self) -> anyhow::Result<()> {
        self.check_start().with_context(|| format!("{} is no RFC 3339 time in UTC", self.start))?;
        ensure!(self.side == "server", "a replay is seen from the server, not the {}", self.side);
        ensure!(is_hexadecimal(&self.trace_id, 32), "trace id {}", self.trace_id);
        ensure!(is_hexadecimal(&self.span_id, 16), "span id {}", self.span_id);
        if let Some(status) = self.status() {
            ensure!((100..=999).contains(&status), "status {status}");
        }
        match self.outcome.as_str() {
            "complete" => {
                ensure!(self.duration_ns.is_some(), "complete without a duration");
                ensure!(self.method().is_some(), "complete without a method");
                ensure!(self.status().is_some(), "complete without a status");
                ensure!(self.request_bytes > 0 && self.response_bytes > 0, "complete without bytes");
            }
            "no_response" => {
                ensure!(self.method().is_some(), "a request without a method");
                ensure!(self.status().is_none(), "no response, but a status");
            }
            "partial" => {}
            other => bail!("unknown outcome {other}"),
        }
        Ok(())
    }

    fn check_start(&self) -> Option<()> {
        let (seconds, fraction) = self.start.strip_suffix('Z')?.split_once('.')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let shape: String = seconds
            .chars()
            .map(|character| if character.is_ascii_digit() { '0' } else { character })
            .collect();
        (shape == "0000-00-00T00:00:00" && fraction.len() == 9 && digits(fraction)).then_some(())
    }
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
