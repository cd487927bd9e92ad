//! What a fetch session is about (KIP-227).
//!
//! A consumer names its partitions once, when it opens a session; the requests after that name only what changed since,
//! often nothing. What they fetch is therefore remembered from the request that opened the session.

use super::message::Said;

/// The session of a connection that was opened last. A consumer has one for each of its connections.
#[derive(Debug)]
pub(super) struct Session {
    list: Said,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// None was opened, or what is in it is no longer known.
    Unknown,
    /// Asked for; the answer will say its id.
    Opening,
    /// Open, with this id.
    Open(i32),
}

/// The epoch of the request that opens a session.
const FIRST: i32 = 0;

impl Session {
    pub(super) fn new() -> Self {
        Self { list: Said::empty(), state: State::Unknown }
    }

    /// A fetch asks: takes note of what it opens, or tells it what it goes on with.
    pub(super) fn ask(&mut self, said: &mut Said) {
        let (Some(session), Some(epoch)) = (said.session, said.session_epoch) else { return };
        if epoch == FIRST {
            self.state = if said.is_whole() { State::Opening } else { State::Unknown };
            if said.is_whole() {
                self.list.clone_from(said);
            }
        } else if epoch > FIRST {
            let goes_on = self.state == State::Open(session)
                && said.is_whole()
                && !said.forgets
                && said.inherit(&mut self.list);
            if !goes_on {
                said.open = true;
                self.state = State::Unknown;
            }
        }
    }

    /// The answer to a fetch.
    pub(super) fn answer(&mut self, request: &Said, response: &Said) {
        if self.state == State::Opening && request.session_epoch == Some(FIRST) {
            self.state = match response.session {
                Some(session) if session != 0 => State::Open(session),
                _ => State::Unknown,
            };
        }
    }

    /// A request was lost, which may have changed the session.
    pub(super) fn lose(&mut self) {
        self.state = State::Unknown;
    }

    pub(super) fn held(&self) -> usize {
        self.list.held()
    }
}
