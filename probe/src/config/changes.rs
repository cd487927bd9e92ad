//! What differs between two configurations.

use std::fmt;

/// When a change of a key takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// While running.
    #[expect(non_camel_case_types, reason = "the words of `section!`")]
    live,
    /// After a restart only.
    #[expect(non_camel_case_types, reason = "the words of `section!`")]
    restart,
}

/// What differs between two configurations, as keys such as `traces.ratio`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What can change while running.
    pub live: Vec<String>,
    /// What takes effect after a restart only.
    pub restart: Vec<String>,
}

impl Changes {
    pub(super) fn note(&mut self, effect: Effect, key: &str) {
        match effect {
            Effect::live => self.live.push(key.to_owned()),
            Effect::restart => self.restart.push(key.to_owned()),
        }
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.restart.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("nothing changed");
        }
        if !self.live.is_empty() {
            write!(formatter, "changed: {}", self.live.join(", "))?;
        }
        if !self.restart.is_empty() {
            let separator = if self.live.is_empty() { "" } else { "; " };
            write!(formatter, "{separator}changes after a restart only: {}", self.restart.join(", "))?;
        }
        Ok(())
    }
}
