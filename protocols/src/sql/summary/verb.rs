//! The words that statements begin with, and the statements that are no queries and define nothing.

use super::{Clause, Frame, Mode, Summary, definition::Step};
use crate::sql::token::Token;

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

pub(super) fn of(upper: &[u8]) -> Verb {
    match upper {
        b"SELECT" | b"WITH" | b"INSERT" | b"REPLACE" | b"UPDATE" | b"DELETE" | b"MERGE" | b"VALUES"
        | b"TABLE" => Verb::Query,
        b"CREATE" | b"ALTER" | b"RENAME" => Verb::Definition(Step::Object),
        b"DROP" => Verb::Definition(Step::Objects),
        b"TRUNCATE" | b"LOCK" | b"OPTIMIZE" | b"ANALYZE" | b"ANALYSE" | b"REPAIR" | b"CHECK"
        | b"CHECKSUM" | b"REFRESH" | b"REINDEX" | b"CLUSTER" | b"VACUUM" => {
            Verb::Definition(Step::PerhapsObject)
        }
        b"CALL" | b"EXEC" | b"USE" | b"LISTEN" | b"UNLISTEN" | b"NOTIFY" | b"HANDLER" => {
            Verb::Plain(Rest::Target)
        }
        b"START" | b"UNLOCK" | b"XA" | b"FLUSH" | b"STOP" | b"CHANGE" | b"PURGE" | b"INSTALL"
        | b"UNINSTALL" => Verb::Plain(Rest::Operation),
        b"RELEASE" => Verb::Plain(Rest::Savepoint),
        b"EXPLAIN" | b"DESCRIBE" | b"DESC" => Verb::Plain(Rest::Explain),
        b"PREPARE" | b"DECLARE" => Verb::Plain(Rest::UntilStatement),
        b"SET" => Verb::Plain(Rest::Set),
        b"SHOW" => Verb::Plain(Rest::Show),
        b"COPY" => Verb::Plain(Rest::Copy),
        b"LOAD" => Verb::Plain(Rest::Load),
        b"BEGIN" | b"COMMIT" | b"ROLLBACK" | b"SAVEPOINT" | b"END" | b"ABORT" | b"EXECUTE"
        | b"DEALLOCATE" | b"FETCH" | b"MOVE" | b"CLOSE" | b"DISCARD" | b"RESET" | b"GRANT" | b"REVOKE"
        | b"COMMENT" | b"KILL" | b"DO" | b"CHECKPOINT" | b"REASSIGN" | b"SECURITY" | b"IMPORT" | b"HELP"
        | b"SIGNAL" | b"RESIGNAL" | b"SHUTDOWN" => Verb::Plain(Rest::Nothing),
        _ => Verb::Unknown,
    }
}

/// Whether the word ends the tables of a query.
pub(super) fn ends_tables(upper: &[u8]) -> bool {
    matches!(
        upper,
        b"WHERE"
            | b"GROUP"
            | b"ORDER"
            | b"HAVING"
            | b"LIMIT"
            | b"OFFSET"
            | b"FETCH"
            | b"WINDOW"
            | b"UNION"
            | b"EXCEPT"
            | b"INTERSECT"
            | b"SET"
            | b"VALUES"
            | b"RETURNING"
            | b"UPDATE"
            | b"SHARE"
            | b"LOCK"
            | b"INTO"
            | b"WHEN"
            | b"PROCEDURE"
    )
}

impl Summary {
    /// A word of a statement whose verb is plain.
    pub(super) fn rest_word(&mut self, rest: Rest, token: &Token<'_>, upper: &[u8]) {
        let done = match (rest, upper) {
            (Rest::Target, _) => {
                self.write_name(token);
                true
            }
            (Rest::Operation, _) | (Rest::Savepoint, b"SAVEPOINT") => {
                self.write(token.bytes);
                true
            }
            (Rest::Savepoint | Rest::Nothing, _) => true,
            (
                Rest::Explain,
                b"ANALYZE" | b"ANALYSE" | b"VERBOSE" | b"EXTENDED" | b"PARTITIONS" | b"FORMAT" | b"TREE"
                | b"JSON" | b"TRADITIONAL" | b"TEXT" | b"XML" | b"YAML",
            ) => false,
            (Rest::Explain, _) => {
                if matches!(of(upper), Verb::Unknown) {
                    self.write_name(token);
                    self.mode = Mode::Done;
                } else {
                    self.verb(token, upper);
                }
                return;
            }
            (Rest::UntilStatement, b"AS" | b"FOR" | b"FROM") => {
                self.mode = Mode::Start;
                return;
            }
            (Rest::UntilStatement, _) => false,
            (Rest::Set, b"SESSION" | b"GLOBAL" | b"LOCAL" | b"PERSIST" | b"PERSIST_ONLY") => false,
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
            (Rest::Show, b"FULL" | b"EXTENDED" | b"GLOBAL" | b"SESSION" | b"LOCAL") => false,
            (Rest::Show, _) => {
                self.write_name(token);
                let create = upper == b"CREATE";
                self.mode = Mode::Rest(if create { Rest::ShowCreate } else { Rest::ShowFrom });
                return;
            }
            (Rest::ShowCreate, _) => {
                self.write(token.bytes);
                self.mode = Mode::Rest(Rest::Target);
                return;
            }
            (Rest::ShowFrom, b"FROM" | b"IN") => {
                self.mode = Mode::Rest(Rest::Target);
                return;
            }
            (Rest::ShowFrom, _) => false,
            (Rest::Copy, _) => {
                self.write_name(token);
                true
            }
            (Rest::Load, b"DATA" | b"XML" | b"INDEX") => {
                self.write(token.bytes);
                false
            }
            (Rest::Load, b"TABLE") => {
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
