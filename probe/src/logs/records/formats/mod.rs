//! Formats of a record's text.
//!
//! Each takes the whole text or nothing: what does not match leaves no fields behind.

mod access_log;
mod delimited;
mod error_log;
mod json;
mod key_value;
mod klog;
mod pattern;
mod syslog;
#[cfg(test)]
mod tests;

use std::ops::Range;

use regex::Regex;

use super::{
    Fields, Severity,
    settings::{Parse, SettingsError},
    time::Clockwork,
};

/// A format, ready to be used.
#[derive(Debug)]
pub(super) enum Format {
    Json,
    Pattern(Regex),
    Delimited { delimiter: u8, quote: Option<u8>, names: Vec<String> },
    KeyValue,
    AccessLog,
    NginxError,
    ApacheError,
    Syslog,
    Klog,
}

/// What is said beside fields.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Which part of the text is the body; none: all of it.
    pub(super) body: Option<Range<usize>>,
    pub(super) time_ns: Option<u64>,
    /// Whether a time was there that could not be understood.
    pub(super) is_time_unparsable: bool,
    pub(super) severity: Option<Severity>,
    /// Where its word is.
    pub(super) severity_text: Range<usize>,
}

/// What formats need to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) clockwork: &'a Clockwork,
    pub(super) observed_ns: u64,
}

/// Memory that formats use again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: Vec<u8>,
    name: String,
    groups: Option<pattern::Groups>,
}

impl Scratch {
    pub(super) fn release(&mut self, bytes: usize) {
        self.text.clear();
        self.text.shrink_to(bytes);
        self.name.clear();
        self.name.shrink_to(bytes);
    }

    pub(super) const fn memory(&self) -> usize {
        self.text.capacity() + self.name.capacity()
    }
}

impl Format {
    pub(super) fn new(parse: &Parse) -> Result<Self, SettingsError> {
        Ok(match parse {
            Parse::Json => Self::Json,
            Parse::Regex(pattern) => Self::Pattern(pattern::compile(pattern)?),
            Parse::Delimited { delimiter, quote, names } => {
                Self::Delimited { delimiter: *delimiter, quote: *quote, names: names.clone() }
            }
            Parse::KeyValue => Self::KeyValue,
            Parse::AccessLog => Self::AccessLog,
            Parse::NginxError => Self::NginxError,
            Parse::ApacheError => Self::ApacheError,
            Parse::Syslog => Self::Syslog,
            Parse::Klog => Self::Klog,
        })
    }

    /// Whether its fields have names that the application chose, some of which have a well-known meaning.
    pub(super) const fn has_free_names(&self) -> bool {
        matches!(self, Self::Json | Self::Pattern(_) | Self::Delimited { .. } | Self::KeyValue)
    }

    /// Takes the text apart, if it is of this format.
    #[inline]
    pub(super) fn parse(
        &self,
        text: &str,
        context: Context<'_>,
        fields: &mut Fields,
        scratch: &mut Scratch,
    ) -> Option<Found> {
        match self {
            Self::Json => json::parse(text, fields, scratch),
            Self::Pattern(pattern) => pattern::parse(pattern, text, fields, &mut scratch.groups),
            Self::Delimited { delimiter, quote, names } => {
                delimited::parse(text, *delimiter, *quote, names, fields, scratch)
            }
            Self::KeyValue => key_value::parse(text, fields, scratch),
            Self::AccessLog => access_log::parse(text, context, fields),
            Self::NginxError => error_log::nginx(text, context, fields),
            Self::ApacheError => error_log::apache(text, context, fields),
            Self::Syslog => syslog::parse(text, context, fields),
            Self::Klog => klog::parse(text, context, fields),
        }
    }
}

/// The text up to that character, and what comes after it.
#[inline]
fn until(text: &str, end: u8) -> Option<(&str, &str)> {
    let place = memchr::memchr(end, text.as_bytes())?;
    Some((&text[..place], &text[place + 1..]))
}

/// Where a part of a text is in it.
#[inline]
fn place_of(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    debug_assert!(start + part.len() <= text.len(), "a part of it");
    start..start + part.len()
}
