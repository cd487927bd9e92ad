//! Prints settings as YAML, each with its comment.

use super::setting::{Setting, Shown};

const INDENTATION: &str = "  ";

/// Text as it grows.
#[derive(Default)]
pub(super) struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    /// A comment, or an empty line.
    pub(super) fn comment(&mut self, line: &str) {
        self.line(format!("#{line}").trim_end());
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// A key below its documentation. What has no value is printed as a comment that shows how to give it one.
    pub(super) fn key<T: Setting>(&mut self, key: &str, documentation: &[&str], value: &T, example: &[&str]) {
        if self.depth == 0 {
            self.text.push('\n');
        }
        for line in documentation {
            self.comment(line);
        }
        match value.shown() {
            Shown::Line(text) => self.line(&format!("{key}: {text}")),
            Shown::Unset => {
                let example = example.first().copied().unwrap_or("null");
                self.line(&format!("#{key}: {example}"));
            }
            Shown::Below => {
                self.line(&format!("{key}:"));
                self.depth += 1;
                value.print(self);
                self.depth -= 1;
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(&INDENTATION.repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text as a value of YAML: as it is where nothing could mistake it, else in quotes.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+*\\^".contains(character);
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphanumeric() || "/.".contains(first));
    if starts_plain && text.chars().all(is_plain) && !text.ends_with(':') && text != "null" {
        return text.to_owned();
    }
    // A dollar sign before a brace would begin a variable.
    let escaped = text.replace('$', "$$");
    serde_json::to_string(&escaped).unwrap_or(escaped)
}
