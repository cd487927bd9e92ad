//! What is made unreadable.

mod find;
#[cfg(test)]
mod tests;

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    Fields,
    filter::compile,
    settings::{Mask, MaskKind, SettingsError},
};

/// A mask, ready to be used.
#[derive(Debug)]
pub(super) struct Cover {
    kind: Kind,
    fields: Vec<String>,
    replacement: String,
}

#[derive(Debug)]
enum Kind {
    Pattern(Regex),
    CardNumber,
    Email,
    Token,
    UrlPassword,
}

/// Tokens that are told by what they are: JSON Web Tokens (RFC 7519), and keys of services by the beginnings that these gave them so that
/// they be found.
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let forms = [
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        r"(?:AKIA|ASIA)[A-Z0-9]{16}",
        r"gh[pousr]_[A-Za-z0-9]{20,255}",
        r"github_pat_[A-Za-z0-9_]{20,255}",
        r"glpat-[A-Za-z0-9_-]{20,}",
        r"xox[abeprs]-[A-Za-z0-9-]{10,}",
        r"AIza[A-Za-z0-9_-]{35}",
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    ];
    Regex::new(&format!(r"\b(?:{})", forms.join("|"))).ok()
});

/// Tokens that are told by what comes before them: group 1 is the token.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)(?:\b(?:bearer|basic)\s+|(?:api[_-]?key|access[_-]?key|token|secret|passw(?:or)?d|pwd)["']?\s*[=:]\s*"#,
        r#"["']?(?:bearer\s+)?)([A-Za-z0-9_.~+/$!%@#^*=-]{4,})"#
    ))
    .ok()
});

/// Ends of names of fields that hold secrets.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "api-key", "authorization"];

impl Cover {
    pub(super) fn new(mask: &Mask) -> Result<Self, SettingsError> {
        let kind = match &mask.kind {
            MaskKind::Pattern(pattern) => Kind::Pattern(compile("masks", pattern)?),
            MaskKind::CardNumber => Kind::CardNumber,
            MaskKind::Email => Kind::Email,
            MaskKind::Token => Kind::Token,
            MaskKind::UrlPassword => Kind::UrlPassword,
        };
        Ok(Self { kind, fields: mask.fields.clone(), replacement: mask.replacement.clone() })
    }

    /// Whether texts of that name are looked at; `body` is the body.
    fn covers(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| field == name)
    }

    /// Masks the body, if it is looked at and has something to mask.
    pub(super) fn body(&self, body: &str, out: &mut String) -> bool {
        self.covers("body") && self.text(body, out)
    }

    /// Masks fields; whether it found something.
    pub(super) fn all(&self, fields: &mut Fields, buffer: &mut String) -> bool {
        let mut is_masked = false;
        for index in 0..fields.len() {
            let name = fields.name_of(index);
            if !self.covers(name) {
                continue;
            }
            let Some(text) = fields.text_of(index) else { continue };
            if matches!(self.kind, Kind::Token) && is_secret_name(name) {
                buffer.clear();
                buffer.push_str(&self.replacement);
            } else if !self.text(text, buffer) {
                continue;
            }
            fields.replace(index, buffer);
            is_masked = true;
        }
        is_masked
    }

    /// Writes the text with what is masked into `out`; nothing if there is nothing to mask.
    fn text(&self, text: &str, out: &mut String) -> bool {
        out.clear();
        let replacement = self.replacement.as_str();
        match &self.kind {
            Kind::Pattern(pattern) => {
                let masked = pattern.replace_all(text, replacement);
                out.push_str(&masked);
                return matches!(masked, std::borrow::Cow::Owned(_));
            }
            Kind::CardNumber => cover(text, find::card_numbers(text), replacement, out),
            Kind::Email => cover(text, find::emails(text), replacement, out),
            Kind::UrlPassword => cover(text, find::url_passwords(text), replacement, out),
            Kind::Token => {
                let own =
                    TOKENS.iter().flat_map(|pattern| pattern.find_iter(text)).map(|token| token.range());
                let named = NAMED
                    .iter()
                    .flat_map(|pattern| pattern.captures_iter(text))
                    .filter_map(|groups| groups.get(1).map(|token| token.range()));
                let mut places: Vec<_> = own.chain(named).collect();
                places.sort_unstable_by_key(|place| place.start);
                cover(text, places.into_iter(), replacement, out);
            }
        }
        !out.is_empty()
    }
}

/// Writes the text with a replacement for each place, if there is any. Places that overlap are one.
fn cover(text: &str, places: impl Iterator<Item = Range<usize>>, replacement: &str, out: &mut String) {
    let mut at = 0;
    for place in places {
        if place.start < at {
            at = at.max(place.end);
            continue;
        }
        out.push_str(&text[at..place.start]);
        out.push_str(replacement);
        at = place.end;
    }
    if at > 0 {
        out.push_str(&text[at..]);
    }
}

fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| {
        let start = name.len().checked_sub(secret.len());
        start.and_then(|start| name.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(secret))
    })
}
