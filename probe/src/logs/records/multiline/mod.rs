//! Which lines belong to the record before them.

mod presets;
#[cfg(test)]
mod tests;

use regex::bytes::Regex;

use super::settings::{MultilineRule, Preset, SettingsError};

pub(super) use presets::Position;

/// A rule, ready to be used.
#[derive(Debug)]
pub(super) enum Rule {
    Start(Regex),
    Continuation(Regex),
    Indentation,
    Presets(Vec<Preset>),
}

impl Rule {
    pub(super) fn new(rule: &MultilineRule) -> Result<Self, SettingsError> {
        let compile = |place, pattern: &str| {
            Regex::new(pattern).map_err(|error| SettingsError::pattern(place, pattern, &error))
        };
        Ok(match rule {
            MultilineRule::Start(pattern) => Self::Start(compile("multiline.start", pattern)?),
            MultilineRule::Continuation(pattern) => {
                Self::Continuation(compile("multiline.continuation", pattern)?)
            }
            MultilineRule::Indentation => Self::Indentation,
            MultilineRule::Presets(presets) => Self::Presets(presets.clone()),
        })
    }

    /// Where a record is after its first line.
    #[inline]
    pub(super) fn begin(&self, line: &[u8]) -> Position {
        match self {
            Self::Presets(presets) => Position::begin(presets, line),
            _ => Position::default(),
        }
    }

    /// Whether the line goes on with the record at that position.
    #[inline]
    pub(super) fn goes_on(&self, position: &mut Position, line: &[u8]) -> bool {
        match self {
            Self::Start(pattern) => !pattern.is_match(line),
            Self::Continuation(pattern) => pattern.is_match(line),
            Self::Indentation => line.is_empty() || is_indented(line),
            Self::Presets(presets) => position.goes_on(presets, line),
        }
    }
}

fn is_indented(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}
