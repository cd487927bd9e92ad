//! Which records are kept.

use regex::Regex;

use super::{
    FieldValue, Fields,
    settings::{Filter, FilterAction, SettingsError},
};

/// The name under which filters find the source's word for the severity, which is no field any more once it is understood.
const SEVERITY: &str = "severity";

/// A filter, ready to be used.
#[derive(Debug)]
pub(super) struct Rule {
    action: FilterAction,
    field: Option<String>,
    pattern: Regex,
}

impl Rule {
    pub(super) fn new(filter: &Filter) -> Result<Self, SettingsError> {
        let pattern = compile("filters", &filter.pattern)?;
        Ok(Self { action: filter.action, field: filter.field.clone(), pattern })
    }

    /// Whether the record stays. A field that is not there matches nothing.
    pub(super) fn keeps(&self, body: &str, severity_text: &str, fields: &Fields) -> bool {
        let is_match = match &self.field {
            None => self.pattern.is_match(body),
            Some(name) => match fields.get(name) {
                None if name == SEVERITY => self.pattern.is_match(severity_text),
                Some(FieldValue::Text(text)) => self.pattern.is_match(text),
                Some(FieldValue::Integer(number)) => self.pattern.is_match(&number.to_string()),
                Some(FieldValue::Double(number)) => self.pattern.is_match(&number.to_string()),
                Some(FieldValue::Boolean(truth)) => {
                    self.pattern.is_match(if truth { "true" } else { "false" })
                }
                None => false,
            },
        };
        is_match == (self.action == FilterAction::Keep)
    }
}

/// A regular expression, which takes linear time whatever it is and whatever it is matched with.
pub(super) fn compile(place: &'static str, pattern: &str) -> Result<Regex, SettingsError> {
    Regex::new(pattern).map_err(|error| SettingsError::pattern(place, pattern, &error))
}
