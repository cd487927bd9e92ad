//! Statements that define, change, or tend something that has a name: `CREATE`, `DROP`, `TRUNCATE`, `VACUUM`.

use super::{Clause, Frame, Mode, Summary};
use crate::sql::{
    token::Token,
    word::{Key, key},
};

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
fn object(word: Key) -> Option<After> {
    Some(match word {
        key::TABLE | key::TABLES => After::Query,
        key::FUNCTION | key::PROCEDURE | key::TRIGGER | key::EVENT | key::PACKAGE => After::Routine,
        key::INDEX
        | key::VIEW
        | key::SCHEMA
        | key::DATABASE
        | key::SEQUENCE
        | key::TYPE
        | key::DOMAIN
        | key::USER
        | key::ROLE
        | key::GROUP
        | key::EXTENSION
        | key::PUBLICATION
        | key::SUBSCRIPTION
        | key::SERVER
        | key::AGGREGATE
        | key::OPERATOR
        | key::COLLATION
        | key::CAST
        | key::RULE
        | key::POLICY
        | key::STATISTICS
        | key::TABLESPACE
        | key::LANGUAGE
        | key::CONVERSION
        | key::SYSTEM
        | key::INSTANCE
        | key::LOGFILE
        | key::RESOURCE
        | key::TRANSFORM => After::Nothing,
        _ => return None,
    })
}

impl Summary {
    /// A word of a statement that defines something.
    pub(super) fn definition_word(&mut self, step: Step, token: &Token<'_>, word: Key) {
        match step {
            Step::Object | Step::Objects => match (object(word), word) {
                (Some(after), _) => {
                    self.write(token.bytes);
                    let after = if step == Step::Objects { After::Names } else { after };
                    self.mode = Mode::Definition(Step::Name(after));
                }
                (None, key::MATERIALIZED) => self.write(token.bytes),
                (None, key::PRIVILEGES | key::WRAPPER) => self.mode = Mode::Done,
                (None, _) => {}
            },
            Step::PerhapsObject => match (object(word), word) {
                (Some(_), _) | (None, key::MATERIALIZED) => {
                    self.write(token.bytes);
                    if object(word).is_some() {
                        self.mode = Mode::Definition(Step::Name(After::Names));
                    }
                }
                (
                    None,
                    key::FULL
                    | key::FREEZE
                    | key::VERBOSE
                    | key::ANALYZE
                    | key::LOCAL
                    | key::NO_WRITE_TO_BINLOG
                    | key::ONLY
                    | key::QUICK,
                ) => {}
                (None, _) => self.defined(After::Names, token),
            },
            Step::Name(after) => match word {
                key::IF | key::NOT | key::EXISTS | key::CONCURRENTLY | key::ONLY | key::ON => {}
                _ => self.defined(after, token),
            },
            // `READ`, `RESTRICT`, an alias: a comma may still follow.
            Step::NameBehindComma => {}
            Step::Routine if word == key::BEGIN => self.mode = Mode::DoneForGood,
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
