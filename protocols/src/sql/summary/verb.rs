//! The words that statements begin with, and the statements that are no queries and define nothing.

use super::{Clause, Frame, Mode, Summary, definition::Step};
use crate::sql::{
    token::Token,
    word::{Key, key},
};

/// What a statement's first word makes of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    /// It reads or changes rows.
    Query,
    /// It defines, changes, or tends something that has a name.
    Definition(Step),
    /// Anything else, by a rule of its own.
    Plain(Rest),
    /// Not known: perhaps no statement, so nothing of it is shown.
    Unknown,
}

/// What is made of the words behind such a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// The first one is the target.
    Target,
    /// The first one belongs to the operation.
    Operation,
    /// `TO SAVEPOINT name` and the like: names of savepoints are made up by programs.
    Savepoint,
    /// `EXPLAIN`: what follows is a statement, behind some options, or a table.
    Explain,
    /// `PREPARE name AS`, `DECLARE name CURSOR FOR`: a statement follows the word.
    UntilStatement,
    /// `SET`: the name of a setting.
    Set,
    /// `SET @`: the name of a variable.
    Variable,
    /// `SHOW`: what is shown.
    Show,
    /// `SHOW CREATE`: what is shown, before the name of one.
    ShowCreate,
    /// `SHOW TABLES`: perhaps `FROM` somewhere.
    ShowFrom,
    /// `COPY`: a table, or a query in parentheses.
    Copy,
    /// `LOAD DATA … INTO TABLE`.
    Load,
}

impl Rest {
    /// Whether no target can follow once a value was seen.
    pub(super) const fn ends_at_value(self) -> bool {
        matches!(
            self,
            Self::Target | Self::Operation | Self::Set | Self::Variable | Self::ShowCreate | Self::Copy
        )
    }
}

pub(super) fn of(word: Key) -> Verb {
    match word {
        key::SELECT
        | key::WITH
        | key::INSERT
        | key::REPLACE
        | key::UPDATE
        | key::DELETE
        | key::MERGE
        | key::VALUES
        | key::TABLE => Verb::Query,
        key::CREATE | key::ALTER | key::RENAME => Verb::Definition(Step::Object),
        key::DROP => Verb::Definition(Step::Objects),
        key::TRUNCATE
        | key::LOCK
        | key::OPTIMIZE
        | key::ANALYZE
        | key::ANALYSE
        | key::REPAIR
        | key::CHECK
        | key::CHECKSUM
        | key::REFRESH
        | key::REINDEX
        | key::CLUSTER
        | key::VACUUM => Verb::Definition(Step::PerhapsObject),
        key::CALL | key::EXEC | key::USE | key::LISTEN | key::UNLISTEN | key::NOTIFY | key::HANDLER => {
            Verb::Plain(Rest::Target)
        }
        key::START
        | key::UNLOCK
        | key::XA
        | key::FLUSH
        | key::STOP
        | key::CHANGE
        | key::PURGE
        | key::INSTALL
        | key::UNINSTALL => Verb::Plain(Rest::Operation),
        key::RELEASE => Verb::Plain(Rest::Savepoint),
        key::EXPLAIN | key::DESCRIBE | key::DESC => Verb::Plain(Rest::Explain),
        key::PREPARE | key::DECLARE => Verb::Plain(Rest::UntilStatement),
        key::SET => Verb::Plain(Rest::Set),
        key::SHOW => Verb::Plain(Rest::Show),
        key::COPY => Verb::Plain(Rest::Copy),
        key::LOAD => Verb::Plain(Rest::Load),
        key::BEGIN
        | key::COMMIT
        | key::ROLLBACK
        | key::SAVEPOINT
        | key::END
        | key::ABORT
        | key::EXECUTE
        | key::DEALLOCATE
        | key::FETCH
        | key::MOVE
        | key::CLOSE
        | key::DISCARD
        | key::RESET
        | key::GRANT
        | key::REVOKE
        | key::COMMENT
        | key::KILL
        | key::DO
        | key::CHECKPOINT
        | key::REASSIGN
        | key::SECURITY
        | key::IMPORT
        | key::HELP
        | key::SIGNAL
        | key::RESIGNAL
        | key::SHUTDOWN => Verb::Plain(Rest::Nothing),
        _ => Verb::Unknown,
    }
}

/// Whether the word ends the tables of a query.
pub(super) fn ends_tables(word: Key) -> bool {
    matches!(
        word,
        key::WHERE
            | key::GROUP
            | key::ORDER
            | key::HAVING
            | key::LIMIT
            | key::OFFSET
            | key::FETCH
            | key::WINDOW
            | key::UNION
            | key::EXCEPT
            | key::INTERSECT
            | key::SET
            | key::VALUES
            | key::RETURNING
            | key::UPDATE
            | key::SHARE
            | key::LOCK
            | key::INTO
            | key::WHEN
            | key::PROCEDURE
    )
}

impl Summary {
    /// A word of a statement whose verb is plain.
    pub(super) fn rest_word(&mut self, rest: Rest, token: &Token<'_>, word: Key) {
        let done = match (rest, word) {
            (Rest::Target, _) => {
                self.write_name(token);
                true
            }
            (Rest::Operation, _) | (Rest::Savepoint, key::SAVEPOINT) => {
                self.write(token.bytes);
                true
            }
            (Rest::Savepoint | Rest::Nothing, _) => true,
            (
                Rest::Explain,
                key::ANALYZE
                | key::ANALYSE
                | key::VERBOSE
                | key::EXTENDED
                | key::PARTITIONS
                | key::FORMAT
                | key::TREE
                | key::JSON
                | key::TRADITIONAL
                | key::TEXT
                | key::XML
                | key::YAML,
            ) => false,
            (Rest::Explain, _) => {
                if matches!(of(word), Verb::Unknown) {
                    self.write_name(token);
                    self.mode = Mode::Done;
                } else {
                    self.verb(token, word);
                }
                return;
            }
            (Rest::UntilStatement, key::AS | key::FOR | key::FROM) => {
                self.mode = Mode::Start;
                return;
            }
            (Rest::UntilStatement, _) => false,
            (Rest::Set, key::SESSION | key::GLOBAL | key::LOCAL | key::PERSIST | key::PERSIST_ONLY) => false,
            (Rest::Set, _) => {
                self.write_name(token);
                true
            }
            (Rest::Variable, _) => {
                let before = self.begun;
                self.text.push_str(&crate::sanitise::field_text(token.bytes));
                self.limit(before);
                self.name = super::Name::Part(before);
                true
            }
            (Rest::Show, key::FULL | key::EXTENDED | key::GLOBAL | key::SESSION | key::LOCAL) => false,
            (Rest::Show, _) => {
                self.write_name(token);
                let create = word == key::CREATE;
                self.mode = Mode::Rest(if create { Rest::ShowCreate } else { Rest::ShowFrom });
                return;
            }
            (Rest::ShowCreate, _) => {
                self.write(token.bytes);
                self.mode = Mode::Rest(Rest::Target);
                return;
            }
            (Rest::ShowFrom, key::FROM | key::IN) => {
                self.mode = Mode::Rest(Rest::Target);
                return;
            }
            (Rest::ShowFrom, _) => false,
            (Rest::Copy, _) => {
                self.write_name(token);
                true
            }
            (Rest::Load, key::DATA | key::XML | key::INDEX) => {
                self.write(token.bytes);
                false
            }
            (Rest::Load, key::TABLE) => {
                self.mode = Mode::Query;
                self.frame = Frame { clause: Clause::Table, ..Frame::default() };
                return;
            }
            (Rest::Load, _) => false,
        };
        if done {
            self.mode = Mode::Done;
        }
    }
}
