//! Routes that the user knows.

use std::{fmt, str::FromStr};

/// Bytes of a pattern, which becomes the name of operations.
const PATTERN_BYTES: usize = 200;

/// A pattern such as `/api/{tenant}/files/*`, which is also the route of the paths that match it.
///
/// `{name}` stands for one segment, a `*` at the end for one or more. All else is compared byte by byte; a slash at the
/// end of either does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    text: String,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoutePatternError {
    /// It does not begin with a slash.
    NoSlash,
    /// It is longer than a name should be.
    TooLong,
    /// This segment holds a brace but is not one name in braces.
    Placeholder(String),
    /// This segment holds a star but is not the last, or not the star alone.
    Star(String),
    /// A segment is empty.
    Empty,
    /// This segment holds what no path does: white space, control characters, a question mark, or a hash.
    Character(String),
}

impl fmt::Display for RoutePatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash => out.write_str("a route pattern begins with a slash"),
            Self::TooLong => write!(out, "a route pattern has at most {PATTERN_BYTES} bytes"),
            Self::Placeholder(segment) => {
                write!(
                    out,
                    "`{segment}`: a placeholder is a whole segment with one name in braces, such as {{id}}"
                )
            }
            Self::Star(segment) => {
                write!(
                    out,
                    "`{segment}`: a star is the whole of the last segment; {{name}} stands for one within"
                )
            }
            Self::Empty => out.write_str("a route pattern has no empty segments"),
            Self::Character(segment) => {
                write!(out, "`{segment}`: a route pattern is a path, without white space, query or fragment")
            }
        }
    }
}

impl std::error::Error for RoutePatternError {}

impl RoutePattern {
    /// The pattern as it was written, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let mut segments = trimmed(path).split(|&byte| byte == b'/');
        for wanted in trimmed(self.text.as_bytes()).split(|&byte| byte == b'/') {
            let Some(segment) = segments.next() else { return false };
            match wanted {
                b"*" => return true,
                [b'{', ..] if !segment.is_empty() => {}
                wanted if wanted == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

fn trimmed(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

impl FromStr for RoutePattern {
    type Err = RoutePatternError;

    fn from_str(text: &str) -> Result<Self, RoutePatternError> {
        let rest = text.strip_prefix('/').ok_or(RoutePatternError::NoSlash)?;
        if text.len() > PATTERN_BYTES {
            return Err(RoutePatternError::TooLong);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            check(segment, segments.peek().is_none(), rest.is_empty())?;
        }
        let text = if rest.is_empty() { "/" } else { text.strip_suffix('/').unwrap_or(text) };
        Ok(Self { text: text.to_owned() })
    }
}

fn check(segment: &str, last: bool, root: bool) -> Result<(), RoutePatternError> {
    let forbidden = |character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, '?' | '#')
    };
    if segment.is_empty() && !root {
        return Err(RoutePatternError::Empty);
    }
    if segment.contains(forbidden) {
        return Err(RoutePatternError::Character(segment.escape_debug().to_string()));
    }
    if segment.contains('*') && !(last && segment == "*") {
        return Err(RoutePatternError::Star(segment.to_owned()));
    }
    if segment.contains(['{', '}']) {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        let named = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        if name.is_empty() || !name.chars().all(named) {
            return Err(RoutePatternError::Placeholder(segment.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let error = |text: &str| text.parse::<RoutePattern>().expect_err(text).to_string();
        assert_eq!(error("api"), "a route pattern begins with a slash");
        assert_eq!(error(""), "a route pattern begins with a slash");
        assert_eq!(error("/a//b"), "a route pattern has no empty segments");
        assert!(error("/a/{id").starts_with("`{id`: a placeholder is a whole segment"));
        assert!(error("/a/x{id}").starts_with("`x{id}`: a placeholder"));
        assert!(error("/a/{}").starts_with("`{}`: a placeholder"));
        assert!(error("/a/{i d}").starts_with("`{i d}`: a route pattern is a path"));
        assert!(error("/a/*/b").starts_with("`*`: a star is the whole of the last segment"));
        assert!(error("/a/**").starts_with("`**`: a star"));
        assert!(error("/a?b=c").starts_with("`a?b=c`: a route pattern is a path"));
        assert!(error("/a/\u{1b}").starts_with("`\\u{1b}`"));
        assert!(error(&format!("/{}", "a".repeat(200))).contains("at most 200 bytes"));
    }

    #[test]
    fn a_pattern_is_shown_as_it_was_written() {
        for (text, shown) in [("/", "/"), ("/a/{id}/", "/a/{id}"), ("/*", "/*"), ("/a.b-c/%20", "/a.b-c/%20")]
        {
            assert_eq!(text.parse::<RoutePattern>().expect(text).as_str(), shown);
        }
    }

    #[test]
    fn the_root_matches_only_itself() {
        let root: RoutePattern = "/".parse().expect("valid");
        assert!(root.matches(b"/") && !root.matches(b"/a"));
    }
}
