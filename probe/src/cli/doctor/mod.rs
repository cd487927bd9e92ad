//! What this host allows: one check, one line, one remedy.

mod capabilities;
mod hooks;
mod host;
mod kernel;
mod limits;

use std::{path::Path, process::ExitCode};

use serde::Serialize;

use super::say;
use crate::export::Output;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Could not be looked at, and is seldom amiss.
    Unknown,
    /// Something will be missing, and requests can be watched.
    Warning,
    /// Requests cannot be watched.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What, in a word or two.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it; absent where nothing has to be done.
    pub remedy: Option<String>,
    /// All that was said, where lines show a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Check {
    /// A check that found what it should.
    #[must_use]
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, found: found.into(), remedy: None, detail: None }
    }

    /// A check that could not be made; the remedy says how to see.
    #[must_use]
    pub fn unknown(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Unknown,
            found: found.into(),
            remedy: Some(remedy.into()),
            detail: None,
        }
    }

    /// A check that found something amiss that does not keep requests from being watched.
    #[must_use]
    pub fn warning(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Warning,
            found: found.into(),
            remedy: Some(remedy.into()),
            detail: None,
        }
    }

    /// A check that found what keeps requests from being watched.
    #[must_use]
    pub fn failed(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Failed,
            found: found.into(),
            remedy: Some(remedy.into()),
            detail: None,
        }
    }

    fn with_detail(self, detail: Option<&str>) -> Self {
        Self { detail: detail.map(str::to_owned), ..self }
    }

    fn line(&self) -> String {
        let word = match self.outcome {
            Outcome::Ok => "ok     ",
            Outcome::Unknown => "unknown",
            Outcome::Warning => "warning",
            Outcome::Failed => "FAILED ",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
        format!("{word}  {:<20} {}{remedy}", self.name, self.found)
    }
}

/// Every check in the order in which it is printed. `root` is where the host's file systems are found.
fn checks(root: &Path) -> Vec<Check> {
    let mut checks = kernel::checks(root);
    checks.extend(capabilities::checks(root));
    checks.extend(host::checks(root));
    checks.extend(limits::checks(root));
    checks
}

#[derive(Serialize)]
struct Findings<'a> {
    version: &'static str,
    outcome: Outcome,
    checks: &'a [Check],
}

/// Looks and tells. The exit code is 3 if something essential is missing.
pub(super) fn run(json: bool) -> ExitCode {
    let mut checks = checks(Path::new("/"));
    checks.extend(hooks::checks());
    let outcome = checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Ok);
    let written = Output::stdout().and_then(|mut output| {
        if json {
            output.json(&Findings { version: env!("CARGO_PKG_VERSION"), outcome, checks: &checks })?;
        } else {
            checks.iter().try_for_each(|check| output.text(&crate::export::visible(&check.line())))?;
        }
        output.flush()
    });
    if let Err(error) = written {
        let failure = super::Failure::from(error);
        failure.report();
        return failure.exit_code();
    }
    if outcome < Outcome::Failed {
        return ExitCode::SUCCESS;
    }
    let failed: Vec<_> =
        checks.iter().filter(|check| check.outcome == Outcome::Failed).map(|check| check.name).collect();
    say(&format!("requests cannot be watched here, because of: {}", failed.join(", ")));
    ExitCode::from(3)
}

#[cfg(test)]
mod tests;
