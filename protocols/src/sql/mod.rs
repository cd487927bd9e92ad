//! What may be shown of a statement in SQL: its text without literals, and a short summary of it, as OpenTelemetry's
//! conventions for databases have them ("Sanitization of `db.query.text`", "Generating a summary of the query").
//!
//! One pass over the bytes: `token` cuts them by the dialect's rules, `secret` watches for statements that carry
//! credentials, `text` writes the sanitised statement, and `summary` names its operations and targets.
//!
//! What the capture cut, and what its author quoted wrongly, is treated alike: from the first byte whose meaning is
//! not certain to the end, everything is masked.

mod secret;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod word;

/// Whose rules the text follows: they differ in what quotes mean, in comments, and in operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB: strings in single or double quotes with backslash escapes, names in backquotes, `#` comments,
    /// and comments that are executed. The mode `ANSI_QUOTES` cannot be told: names in double quotes are masked.
    Mysql,
    /// PostgreSQL: names in double quotes, `E''` strings, dollar quotes, nested comments, `$1`, `::type`.
    Postgresql,
}

/// A statement as it may leave the host.
///
/// Neither text holds control characters: what ends a line of the statement is a space in [`Statement::text`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// `db.query.text`: every literal replaced with `?`, a sign before a number included, comments left out, lists of
    /// literals behind `IN` folded to one. [`TEXT_LIMIT`] bytes at most, no token cut.
    pub text: String,
    /// `db.query.summary`: operations and targets in the order of the text and as they were written, one space between
    /// them. [`SUMMARY_LIMIT`] bytes at most, no token cut. Statements that repeat the one before them are left out.
    pub summary: String,
}

/// Bytes of a statement's text. Longer statements are lists of values more often than not, of which nothing is left.
pub const TEXT_LIMIT: usize = 4096;

/// Bytes of a summary, as the conventions say.
pub const SUMMARY_LIMIT: usize = 255;

/// Analyses a statement, several with semicolons between them, or the beginning of one that the capture cut.
///
/// Takes time linear in the bytes and never panics.
#[must_use]
pub fn analyse(query: &[u8], dialect: Dialect) -> Statement {
    let mut text = text::Text::new(query.len());
    let mut summary = summary::Summary::new();
    let mut guard = secret::Guard::default();
    for token in token::Tokens::new(query, dialect) {
        if token.doubtful || guard.is_secret() {
            text.doubt();
            summary.doubt();
        }
        if token.kind == token::Kind::Cut {
            // A quote without its end says that quotes before it may have been misread as well.
            text.mask_rest(true);
            summary.take_back();
            break;
        }
        if !guard.allows(&token) {
            text.mask_rest(false);
            break;
        }
        text.push(&token);
        summary.push(&token);
        if text.is_full() && summary.is_full() {
            break;
        }
    }
    Statement { text: text.finish(), summary: summary.finish() }
}
