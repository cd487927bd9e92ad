//! A record as the cells of one row.

use std::{borrow::Cow, fmt::Write, time::Duration};

use jiff::tz::TimeZone;
use plainsight_protocols::{CloseReason, Outcome};
use ratatui::style::{Color, Modifier, Style};

use super::{columns::Column, text};
use crate::signal::{Record, outcome_reason, side_name};

/// From this duration on an exchange is slow enough to be pointed out.
pub(super) const SLOW: Duration = Duration::from_secs(1);

/// What is notable about a record. Each has a mark, so that colour is not needed to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notable {
    /// It failed.
    Failure,
    /// It took long.
    Slow,
    /// Loss took a part of it.
    Partial,
    /// Nothing.
    Nothing,
}

impl Notable {
    pub(super) fn of(record: &Record) -> Self {
        if record.is_failure() {
            Self::Failure
        } else if record.outcome == Outcome::Partial {
            Self::Partial
        } else if record.duration.is_some_and(|duration| duration >= SLOW) {
            Self::Slow
        } else {
            Self::Nothing
        }
    }

    /// One column.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Failure => "✗",
            Self::Slow => "◷",
            Self::Partial => "≈",
            Self::Nothing => " ",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Failure => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Self::Slow => Style::new().fg(Color::Yellow),
            Self::Partial => Style::new().fg(Color::Magenta),
            Self::Nothing => Style::new(),
        }
    }

    /// The same for lines that no library draws (ECMA-48 section 8.3.117).
    pub(super) const fn escape_sequence(self) -> &'static str {
        match self {
            Self::Failure => "\x1b[1;31m",
            Self::Slow => "\x1b[33m",
            Self::Partial => "\x1b[35m",
            Self::Nothing => "",
        }
    }
}

/// The text of a cell, as it came: whoever draws it makes it visible.
pub(super) fn cell<'a>(record: &'a Record, column: Column, zone: &TimeZone) -> Cow<'a, str> {
    match column {
        Column::Mark => Notable::of(record).mark().into(),
        Column::Time => text::time_of_day(record.start, zone).into(),
        Column::Side => side_name(record.side).into(),
        Column::Process => process(record).into(),
        Column::Ends => ends(record).into(),
        Column::Protocol => record.protocol.name().into(),
        Column::Summary => summary(record),
        Column::Duration => record.duration.map_or("-".into(), |duration| text::duration(duration).into()),
        Column::Sizes => sizes(record).into(),
    }
}

pub(super) fn process(record: &Record) -> String {
    record
        .process
        .as_ref()
        .map_or_else(|| "-".to_owned(), |process| format!("{}({})", process.comm(), process.pid))
}

pub(super) fn ends(record: &Record) -> String {
    let address = |address: std::net::SocketAddr| {
        std::net::SocketAddr::new(address.ip().to_canonical(), address.port())
    };
    format!("{} → {}", address(record.endpoints.client), address(record.endpoints.server))
}

fn sizes(record: &Record) -> String {
    format!("{} {}", text::bytes(record.request_bytes), text::bytes(record.response_bytes))
}

fn summary(record: &Record) -> Cow<'_, str> {
    let summary: &str =
        if record.summary.is_empty() { record.name.as_deref().unwrap_or("?") } else { &record.summary };
    // Most protocols say by themselves how a connection ended.
    let is_said = match &record.error_type {
        Some(error) => summary.ends_with(&**error),
        // Silence that is no error is said in the protocol's own words.
        None => record.outcome != Outcome::NoResponse(CloseReason::Evicted),
    };
    match (outcome_reason(record.outcome).filter(|_| !is_said), record.outcome) {
        (Some(reason), _) => format!("{summary} [no response: {reason}]").into(),
        (None, Outcome::Partial) if record.missing_bytes > 0 => {
            let mut text = format!("{summary} [partial: ");
            // Writing to a string does not fail.
            let _ = write!(text, "{} missing]", text::bytes(record.missing_bytes));
            text.into()
        }
        (None, Outcome::Partial) => format!("{summary} [partial]").into(),
        (None, _) => summary.into(),
    }
}
