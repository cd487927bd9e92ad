//! Kinds of values: sizes, addresses, names, and what each is made of.

use std::{fmt, net::SocketAddr, path::PathBuf};

use axum::http::Uri;
use plainsight_protocols::{Protocol, route::RoutePattern};

use super::{scalar::Scalar, values};
use crate::signal::TimeSpan;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// So many times 1,024 bytes.
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many times 1,048,576 bytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl Scalar for ByteSize {
    fn from_text(text: &str) -> Result<Self, String> {
        values::size(text).map(Self).ok_or_else(|| {
            "a size is a whole number, with a unit or without: 4096, 64KiB, 16MiB, 1GiB".to_owned()
        })
    }

    fn to_text(&self) -> String {
        values::size_text(self.0)
    }
}

/// Text that no message and no log repeats.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Scalar for Secret {
    const PUBLIC: bool = false;

    fn from_text(text: &str) -> Result<Self, String> {
        // RFC 9110 section 5.5: what a field value may contain.
        let is_value = |byte: u8| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic() || byte >= 0x80;
        if !text.bytes().all(is_value) || text.trim() != text {
            return Err(
                "a header's value has no line breaks and no spaces around it; see that the variable or file it comes \
                 from does not end with a line break"
                    .to_owned(),
            );
        }
        Ok(Self(text.to_owned()))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// An address of a server, with its scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(pub String);

impl Scalar for Url {
    fn from_text(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str =
            "a URL has a scheme and a host, as in http://127.0.0.1:4318 or https://otlp.example.org";
        let uri: Uri = text.parse().map_err(|_| ACCEPTED)?;
        let authority = uri.authority().ok_or(ACCEPTED)?;
        if authority.as_str().contains('@') {
            return Err(
                "credentials do not belong into a URL, where every log shows them; give them as headers"
                    .into(),
            );
        }
        let port_is_number = authority.port().is_none_or(|port| port.as_str().parse::<u16>().is_ok());
        if !matches!(uri.scheme_str(), Some("http" | "https"))
            || uri.host().is_none_or(str::is_empty)
            || !port_is_number
        {
            return Err(ACCEPTED.to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

impl Scalar for TimeSpan {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: crate::signal::FilterValueError| error.to_string())
    }

    fn to_text(&self) -> String {
        values::time_text(self.0)
    }
}

impl Scalar for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "write true or false".to_owned())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for String {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err("line breaks and control characters have no place here".to_owned());
        }
        Ok(text.to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

impl Scalar for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("a path is not empty".to_owned());
        }
        Ok(Self::from(text))
    }

    fn to_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl Scalar for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            "an address to listen on is an IP address with a port, as in 127.0.0.1:9464, 0.0.0.0:9464 or [::]:9464"
                .to_owned()
        })
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for usize {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "a whole number belongs here, without unit or separators".to_owned())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for f64 {
    fn from_text(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number: &Self| number.is_finite());
        number.ok_or_else(|| "a number belongs here, as in 0.25 or 1.0".to_owned())
    }

    fn to_text(&self) -> String {
        format!("{self:?}")
    }
}

/// A port, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

impl Scalar for Port {
    fn from_text(text: &str) -> Result<Self, String> {
        values::port(text).map(Self).map_err(str::to_owned)
    }

    fn to_text(&self) -> String {
        self.0.to_string()
    }
}

/// The name of a header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(pub String);

impl Scalar for HeaderName {
    fn from_text(text: &str) -> Result<Self, String> {
        values::header_name(text).map(Self).map_err(str::to_owned)
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

impl Scalar for Protocol {
    fn from_text(text: &str) -> Result<Self, String> {
        values::protocol_option(text)
    }

    fn to_text(&self) -> String {
        self.name().to_owned()
    }
}

impl Scalar for RoutePattern {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: plainsight_protocols::route::RoutePatternError| error.to_string())
    }

    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }
}
