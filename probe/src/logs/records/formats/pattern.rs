//! A pattern whose named groups become fields.

use regex::{CaptureLocations, Regex};

use super::Found;
use crate::logs::records::{FieldValue, Fields, filter, settings::SettingsError};

/// Places of groups, used again for the next text.
pub(super) struct Groups {
    pattern: String,
    places: CaptureLocations,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Groups").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

pub(super) fn compile(pattern: &str) -> Result<Regex, SettingsError> {
    let compiled = filter::compile("parse.regex", pattern)?;
    if compiled.capture_names().flatten().next().is_none() {
        return Err(SettingsError::NoNames(pattern.to_owned()));
    }
    Ok(compiled)
}

pub(super) fn parse(
    pattern: &Regex,
    text: &str,
    fields: &mut Fields,
    groups: &mut Option<Groups>,
) -> Option<Found> {
    let is_same = groups.as_ref().is_some_and(|groups| groups.pattern == pattern.as_str());
    if !is_same {
        *groups = None;
    }
    let groups = groups.get_or_insert_with(|| Groups {
        pattern: pattern.as_str().to_owned(),
        places: pattern.capture_locations(),
    });
    pattern.captures_read(&mut groups.places, text)?;
    for (index, name) in pattern.capture_names().enumerate() {
        if let (Some(name), Some((start, end))) = (name, groups.places.get(index)) {
            fields.push(name, FieldValue::Text(&text[start..end]));
        }
    }
    Some(Found::default())
}
