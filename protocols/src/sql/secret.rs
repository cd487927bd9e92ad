//! Watches for statements that carry credentials: accounts, subscriptions, foreign servers, replication sources.
//!
//! Their literals are masked like all others. But a password that was put between quotes by hand may end them early,
//! and may have no quotes at all; so behind the keyword that announces it only words that are known to be none of it
//! are shown, and nothing of what follows the statement.

use super::{
    token::{Kind, Token},
    word::{Key, ends_with_password, key, stands_beside_secret},
};

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// No word of the statement was seen.
    #[default]
    Start,
    /// The statement creates or alters something.
    Object,
    /// The statement sets something.
    Setting,
    /// The statement may carry a secret.
    Armed,
    /// A secret may follow.
    Secret,
    /// The statement with the secret has ended.
    Ended,
    /// The statement carries none.
    Free,
}

/// Looks at every token of a statement.
#[derive(Debug, Default)]
pub(super) struct Guard {
    state: State,
}

impl Guard {
    /// Whether a secret may follow, or has been seen.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.state, State::Secret | State::Ended)
    }

    /// Whether the token may be shown, masked if it is a literal.
    pub(super) fn allows(&mut self, token: &Token<'_>) -> bool {
        if matches!(token.kind, Kind::Space | Kind::Comment) {
            return true;
        }
        match self.state {
            State::Free if token.bytes != b";" => return true,
            State::Ended => return false,
            State::Secret => return self.allows_beside_secret(token),
            _ => {}
        }
        match (token.kind, token.bytes) {
            (Kind::Symbol, b";") => self.state = State::Start,
            (Kind::Word, word) => self.state = self.after(word),
            // A quoted name, or a parenthesis, and what is created is not what is looked for.
            _ if matches!(self.state, State::Object) => self.state = State::Free,
            _ => {}
        }
        true
    }

    fn allows_beside_secret(&mut self, token: &Token<'_>) -> bool {
        match (token.kind, token.bytes) {
            (Kind::Symbol, b";") => {
                self.state = State::Ended;
                true
            }
            (Kind::Literal | Kind::Placeholder, _) => true,
            (Kind::Symbol, symbol) => matches!(symbol, b"=" | b"(" | b")" | b"," | b"@" | b":"),
            (_, word) => token.kind == Kind::Word && stands_beside_secret(word),
        }
    }

    fn after(&self, word: &[u8]) -> State {
        match (self.state, Key::new(word)) {
            (State::Start, key::CREATE | key::ALTER) => State::Object,
            (State::Start, key::SET) => State::Setting,
            (State::Start, key::GRANT | key::CHANGE | key::START) => State::Armed,
            (State::Setting, key::PASSWORD) => State::Secret,
            (State::Object, key::OR | key::REPLACE | key::IF | key::NOT | key::EXISTS) => State::Object,
            (
                State::Object,
                key::USER | key::ROLE | key::GROUP | key::SUBSCRIPTION | key::SERVER | key::FOREIGN,
            ) => State::Armed,
            (State::Start | State::Setting | State::Object, _) => State::Free,
            (State::Armed, key::IDENTIFIED | key::CONNECTION | key::OPTIONS) => State::Secret,
            (State::Armed, _) if ends_with_password(word) => State::Secret,
            (state, _) => state,
        }
    }
}
