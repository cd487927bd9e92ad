//! Names the operations of a statement and what they work on, in the order of the text.
//!
//! No grammar is parsed: a stack of parentheses with a few flags each is enough to know where a table's name may stand.

use super::{
    SUMMARY_LIMIT,
    token::{Kind, Token},
    word::{Key, key},
};
use crate::sanitise::field_text;

mod definition;
mod verb;

use verb::{Rest, Verb};

/// Bytes that most summaries do with.
const USUAL: usize = 48;

/// Parentheses within parentheses that are told apart; deeper ones are skipped.
const DEPTH: usize = 48;

/// What a statement, or a parenthesis within it, is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Scope {
    /// No query: an expression, a list of columns, a statement of another kind.
    #[default]
    Other,
    Select,
    Delete,
    Update,
    Merge,
    /// The parenthesis around joined tables.
    Tables,
}

/// Which part of it is being read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Clause {
    /// Before the tables.
    #[default]
    Before,
    /// A table's name must come next.
    Table,
    /// Among tables: a comma or a join leads to the next.
    Tables,
    /// Behind the tables.
    After,
}

#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    scope: Scope,
    clause: Clause,
    /// Common table expressions are being defined, the query itself is still to come.
    with: bool,
    /// A query that changes data may begin here: the parenthesis of a common table expression.
    begins: bool,
    /// `USING` was seen.
    using: bool,
}

/// How the statement is read, apart from its parentheses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// Its verb comes next.
    #[default]
    Start,
    /// By the rules for queries.
    Query,
    /// What a definition defines: see [`definition`].
    Definition(definition::Step),
    /// By the rule of its verb.
    Rest(Rest),
    /// No more.
    Done,
    /// No more, nor anything of what follows: the body of a routine has semicolons of its own.
    DoneForGood,
}

/// A name under way, which may have several parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Name {
    #[default]
    None,
    /// Behind a part. What was written before the name is so long.
    Part(usize),
    /// Behind a dot.
    Dot(usize),
}

/// The summary as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Summary {
    text: String,
    full: bool,
    /// Where the summary of this statement begins, and that of the one before it.
    begun: usize,
    begun_before: usize,
    mode: Mode,
    frame: Frame,
    outer: Vec<Frame>,
    /// Parentheses open beyond [`DEPTH`].
    skipped: usize,
    name: Name,
    previous: Option<Key>,
    /// A dot stands before the token, so that it is no keyword.
    after_dot: bool,
    /// How far the summary had come when the reading became doubtful.
    doubt: Option<usize>,
}

impl Summary {
    pub(super) fn new() -> Self {
        Self { text: String::with_capacity(USUAL), ..Self::default() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.full || self.mode == Mode::DoneForGood
    }

    /// What follows may have been misread.
    pub(super) fn doubt(&mut self) {
        self.doubt = self.doubt.or(Some(self.text.len()));
    }

    /// Takes back what is doubtful, for it was misread.
    pub(super) fn take_back(&mut self) {
        if let Some(length) = self.doubt {
            self.text.truncate(length);
            self.begun = self.begun.min(length);
        }
    }

    pub(super) fn push(&mut self, token: &Token<'_>) {
        if matches!(token.kind, Kind::Space | Kind::Comment) || self.is_full() {
            return;
        }
        if self.name != Name::None && self.goes_on(token) {
            return;
        }
        if self.skipped > 0 {
            match token.bytes {
                b"(" if token.kind == Kind::Symbol => self.skipped += 1,
                b")" if token.kind == Kind::Symbol => self.skipped -= 1,
                b";" if token.kind == Kind::Symbol => self.end_statement(),
                _ => {}
            }
            return;
        }
        match token.kind {
            Kind::Word => {
                let word = Key::new(token.bytes);
                self.word(token, if self.after_dot { Key::NONE } else { word });
                self.previous = Some(word);
            }
            Kind::Symbol => {
                self.symbol(token);
                self.previous = None;
            }
            Kind::Quoted => {
                self.word(token, Key::NONE);
                self.previous = None;
            }
            Kind::Space | Kind::Comment => {}
            Kind::Literal | Kind::Cut | Kind::Placeholder => {
                self.value();
                self.previous = None;
            }
        }
        self.after_dot = token.kind == Kind::Symbol && token.bytes == b".";
    }

    pub(super) fn finish(mut self) -> String {
        self.drop_repetition();
        self.text
    }

    /// Writes an operation or target, or nothing more at all if it does not fit.
    fn write(&mut self, bytes: &[u8]) {
        let before = self.text.len();
        if before > 0 {
            self.text.push(' ');
        }
        self.text.push_str(&field_text(bytes));
        self.limit(before);
    }

    fn limit(&mut self, before: usize) {
        if self.text.len() > SUMMARY_LIMIT {
            self.text.truncate(before);
            self.full = true;
        }
    }

    /// Writes the first part of a target's name.
    fn write_name(&mut self, token: &Token<'_>) {
        self.name = Name::Part(self.text.len());
        self.write(token.bytes);
    }

    /// Whether the token belongs to the name before it.
    fn goes_on(&mut self, token: &Token<'_>) -> bool {
        match (self.name, token.kind) {
            (Name::Part(before), Kind::Symbol) if token.bytes == b"." => {
                self.name = Name::Dot(before);
                true
            }
            (Name::Dot(before), Kind::Word | Kind::Quoted) => {
                self.text.push('.');
                self.text.push_str(&field_text(token.bytes));
                self.limit(before);
                self.name = Name::Part(before);
                true
            }
            _ => {
                self.name = Name::None;
                false
            }
        }
    }

    fn word(&mut self, token: &Token<'_>, word: Key) {
        match self.mode {
            Mode::Start => self.verb(token, word),
            Mode::Query => self.query_word(token, word),
            Mode::Definition(step) if self.outer.is_empty() => self.definition_word(step, token, word),
            Mode::Rest(rest) if self.outer.is_empty() => self.rest_word(rest, token, word),
            Mode::Definition(_) | Mode::Rest(_) | Mode::Done | Mode::DoneForGood => {}
        }
    }

    fn value(&mut self) {
        match self.mode {
            Mode::Query if self.frame.clause == Clause::Table => self.frame.clause = Clause::Tables,
            Mode::Definition(step) if self.outer.is_empty() => self.mode = step.after_value(),
            Mode::Rest(rest) if self.outer.is_empty() && rest.ends_at_value() => self.mode = Mode::Done,
            _ => {}
        }
    }

    fn symbol(&mut self, token: &Token<'_>) {
        match token.bytes {
            b";" => self.end_statement(),
            b"(" => self.open(),
            b")" => self.close(),
            b"," => match self.mode {
                Mode::Query if self.frame.clause == Clause::Tables => self.frame.clause = Clause::Table,
                Mode::Definition(step) if self.outer.is_empty() => self.mode = step.after_comma(),
                _ => {}
            },
            b"@" => {
                if self.mode == Mode::Rest(Rest::Set) && self.previous.is_some() {
                    self.mode = Mode::Rest(Rest::Variable);
                    self.write(b"@");
                } else if self.mode == Mode::Rest(Rest::Variable) {
                    self.text.push('@');
                }
            }
            _ => match self.mode {
                Mode::Query if self.frame.clause == Clause::Table && token.bytes != b"{" => {
                    self.frame.clause = Clause::Tables;
                }
                Mode::Definition(step) if self.outer.is_empty() => self.mode = step.after_symbol(),
                _ => {}
            },
        }
    }

    fn open(&mut self) {
        let frame = match self.mode {
            Mode::Query if self.frame.clause == Clause::Table => {
                self.frame.clause = Clause::Tables;
                Frame { scope: Scope::Tables, clause: Clause::Table, ..Frame::default() }
            }
            Mode::Query => {
                let previous = self.previous.unwrap_or(Key::NONE);
                let begins = self.frame.with && matches!(previous, key::AS | key::MATERIALIZED);
                Frame { begins, ..Frame::default() }
            }
            // `(SELECT …) UNION …`, `COPY (SELECT …) TO …`
            Mode::Start | Mode::Rest(Rest::Copy) => {
                self.mode = Mode::Query;
                Frame { begins: true, ..Frame::default() }
            }
            Mode::Definition(step) if self.outer.is_empty() => {
                self.mode = step.after_symbol();
                Frame::default()
            }
            Mode::Definition(_) | Mode::Rest(_) | Mode::Done | Mode::DoneForGood => Frame::default(),
        };
        if self.outer.len() < DEPTH {
            self.outer.push(std::mem::replace(&mut self.frame, frame));
        } else {
            self.skipped = 1;
        }
    }

    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.frame = outer;
        }
    }

    fn end_statement(&mut self) {
        self.drop_repetition();
        self.begun_before = self.begun;
        self.begun = self.text.len();
        self.mode = Mode::Start;
        self.frame = Frame::default();
        self.outer.clear();
        self.skipped = 0;
        self.name = Name::None;
    }

    /// Programs send the same statement many times over in one text; once says what they do.
    fn drop_repetition(&mut self) {
        let before = self.text.get(self.begun_before..self.begun).unwrap_or_default();
        let this = self.text.get(self.begun..).unwrap_or_default();
        if before.trim_start() == this.trim_start() && self.begun > 0 {
            self.text.truncate(self.begun);
            self.doubt = self.doubt.map(|length| length.min(self.begun));
            self.begun = self.begun_before;
        }
    }

    /// The first word of a statement.
    fn verb(&mut self, token: &Token<'_>, word: Key) {
        self.frame = Frame::default();
        match verb::of(word) {
            Verb::Query => {
                self.mode = Mode::Query;
                self.frame.begins = true;
                self.query_word(token, word);
            }
            Verb::Definition(step) => {
                self.write(token.bytes);
                self.mode = Mode::Definition(step);
            }
            Verb::Plain(rest) => {
                self.write(token.bytes);
                self.mode = Mode::Rest(rest);
            }
            Verb::Unknown => self.mode = Mode::Done,
        }
    }

    /// A word of a query, or of what stands in its parentheses.
    fn query_word(&mut self, token: &Token<'_>, word: Key) {
        let begins = std::mem::take(&mut self.frame.begins);
        if self.query_verb(token, word, begins) {
            return;
        }
        if self.frame.clause == Clause::Table {
            return self.table(token, word);
        }
        let previous = self.previous.unwrap_or(Key::NONE);
        let frame = &mut self.frame;
        match (word, frame.scope, frame.clause) {
            (key::FROM, Scope::Select, Clause::Before) | (key::FROM, Scope::Delete | Scope::Update, _)
                if previous != key::DISTINCT =>
            {
                frame.clause = Clause::Table;
            }
            (key::JOIN | key::STRAIGHT_JOIN, _, Clause::Tables) if previous != key::FOR => {
                frame.clause = Clause::Table;
            }
            (key::USING, Scope::Delete | Scope::Merge, Clause::Tables) if !frame.using => {
                frame.using = true;
                frame.clause = Clause::Table;
            }
            (_, _, Clause::Tables) if verb::ends_tables(word) => frame.clause = Clause::After,
            _ => {}
        }
    }

    /// Takes a word that begins a query. `begins` where one that changes data may.
    fn query_verb(&mut self, token: &Token<'_>, word: Key, begins: bool) -> bool {
        let begins = begins || self.frame.with;
        let (scope, clause) = match word {
            key::SELECT => (Scope::Select, Clause::Before),
            key::WITH if begins || self.frame.scope == Scope::Tables => {
                self.frame = Frame { with: true, ..Frame::default() };
                return true;
            }
            // `INSERT INTO t WITH …`: the query is a SELECT, which needs no help.
            key::INSERT | key::REPLACE if begins => (Scope::Other, Clause::Table),
            key::UPDATE if begins => (Scope::Update, Clause::Table),
            key::DELETE if begins => (Scope::Delete, Clause::Before),
            key::MERGE if begins => (Scope::Merge, Clause::Table),
            key::VALUES if begins => (Scope::Other, Clause::After),
            key::TABLE if begins => (Scope::Select, Clause::Table),
            key::VALUES if self.frame.scope == Scope::Tables => {
                self.frame = Frame::default();
                return true;
            }
            _ => return false,
        };
        self.frame = Frame { scope, clause, ..Frame::default() };
        self.write(token.bytes);
        true
    }

    /// A word where a table's name should be.
    fn table(&mut self, token: &Token<'_>, word: Key) {
        match word {
            key::ONLY
            | key::LATERAL
            | key::INTO
            | key::IGNORE
            | key::LOW_PRIORITY
            | key::HIGH_PRIORITY
            | key::DELAYED => {}
            key::WHERE | key::SET | key::VALUES => self.frame.clause = Clause::After,
            _ => {
                self.write_name(token);
                // Whatever else an INSERT names is no target.
                let single = self.frame.scope == Scope::Other;
                self.frame.clause = if single { Clause::After } else { Clause::Tables };
            }
        }
    }
}
