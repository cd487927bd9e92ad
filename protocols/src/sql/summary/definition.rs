//! Statements that define, change, or tend something that has a name: `CREATE`, `DROP`, `TRUNCATE`, `VACUUM`.

use super::{Clause, Frame, Mode, Summary};
use crate::sql::token::Token;

/// What such a statement is expected to say next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The kind of thing, perhaps behind adjectives.
    Object,
    /// The kind of things, of which there may be several.
    Objects,
    /// The kind of things, or a table's name.
    PerhapsObject,
    /// The name of a thing, and what of the statement is worth reading behind it.
    Name(After),
    /// A comma and another name.
    NameBehindComma,
    /// The body of a routine, unless the statement ends before.
    Routine,
}

/// What may follow a thing's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing of interest.
    Nothing,
    /// More names.
    Names,
    /// A query that fills a table.
    Query,
    /// Statements, with semicolons between them.
    Routine,
}

impl Step {
    /// The mode that a comma leads to.
    pub(super) const fn after_comma(self) -> Mode {
        match self {
            Self::NameBehindComma => Mode::Definition(Self::Name(After::Names)),
            Self::Routine | Self::Object | Self::Objects => Mode::Definition(self),
            _ => Mode::Done,
        }
    }

    /// The mode that a value leads to: a definer, or a name that is none to be shown.
    pub(super) const fn after_value(self) -> Mode {
        match self {
            Self::Object | Self::Routine => Mode::Definition(self),
            _ => Mode::Done,
        }
    }

    /// The mode that a parenthesis or another symbol leads to: a definer, options, a list of columns.
    pub(super) const fn after_symbol(self) -> Mode {
        match self {
            Self::NameBehindComma => Mode::Done,
            _ => Mode::Definition(self),
        }
    }
}

/// Kinds of things, with what may follow their names.
fn object(upper: &[u8]) -> Option<After> {
    Some(match upper {
        b"TABLE" | b"TABLES" => After::Query,
        b"FUNCTION" | b"PROCEDURE" | b"TRIGGER" | b"EVENT" | b"PACKAGE" => After::Routine,
        b"INDEX" | b"VIEW" | b"SCHEMA" | b"DATABASE" | b"SEQUENCE" | b"TYPE" | b"DOMAIN" | b"USER"
        | b"ROLE" | b"GROUP" | b"EXTENSION" | b"PUBLICATION" | b"SUBSCRIPTION" | b"SERVER" | b"AGGREGATE"
        | b"OPERATOR" | b"COLLATION" | b"CAST" | b"RULE" | b"POLICY" | b"STATISTICS" | b"TABLESPACE"
        | b"LANGUAGE" | b"CONVERSION" | b"SYSTEM" | b"INSTANCE" | b"LOGFILE" | b"RESOURCE" | b"TRANSFORM" => {
            After::Nothing
        }
        _ => return None,
    })
}

impl Summary {
    /// A word of a statement that defines something.
    pub(super) fn definition_word(&mut self, step: Step, token: &Token<'_>, upper: &[u8]) {
        match step {
            Step::Object | Step::Objects => match (object(upper), upper) {
                (Some(after), _) => {
                    self.write(token.bytes);
                    let after = if step == Step::Objects { After::Names } else { after };
                    self.mode = Mode::Definition(Step::Name(after));
                }
                (None, b"MATERIALIZED") => self.write(token.bytes),
                (None, b"PRIVILEGES" | b"WRAPPER") => self.mode = Mode::Done,
                (None, _) => {}
            },
            Step::PerhapsObject => match (object(upper), upper) {
                (Some(_), _) | (None, b"MATERIALIZED") => {
                    self.write(token.bytes);
                    if object(upper).is_some() {
                        self.mode = Mode::Definition(Step::Name(After::Names));
                    }
                }
                (
                    None,
                    b"FULL"
                    | b"FREEZE"
                    | b"VERBOSE"
                    | b"ANALYZE"
                    | b"LOCAL"
                    | b"NO_WRITE_TO_BINLOG"
                    | b"ONLY"
                    | b"QUICK",
                ) => {}
                (None, _) => self.defined(After::Names, token),
            },
            Step::Name(after) => match upper {
                b"IF" | b"NOT" | b"EXISTS" | b"CONCURRENTLY" | b"ONLY" | b"ON" => {}
                _ => self.defined(after, token),
            },
            // `READ`, `RESTRICT`, an alias: a comma may still follow.
            Step::NameBehindComma => {}
            Step::Routine if upper == b"BEGIN" => self.mode = Mode::DoneForGood,
            Step::Routine => {}
        }
    }

    fn defined(&mut self, after: After, token: &Token<'_>) {
        self.write_name(token);
        self.mode = match after {
            After::Nothing => Mode::Done,
            After::Names => Mode::Definition(Step::NameBehindComma),
            After::Routine => Mode::Definition(Step::Routine),
            After::Query => {
                self.frame = Frame { clause: Clause::After, ..Frame::default() };
                Mode::Query
            }
        };
    }
}
