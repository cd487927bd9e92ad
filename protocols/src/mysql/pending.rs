//! Commands that wait for their answer.

use std::sync::Arc;

use super::{
    command::{self, Command, LAST_PREPARED, TEXT_BYTES},
    message,
    session::Session,
    statements::{Prepared, Statements},
};
use crate::{ordered::Span, reader::Reader};

/// What a command is about.
#[derive(Debug)]
pub(super) enum Text {
    /// Nothing, or nothing that is kept.
    None,
    /// The text of a statement, or the name of a database.
    Own(Vec<u8>),
    /// A statement that was seen being prepared.
    Prepared(u32, Arc<Prepared>),
    /// The statement that the server will have prepared last when it comes to this command.
    LastPrepared,
    /// A statement whose preparation was not seen, or was forgotten.
    Unknown(u32),
    /// Who logs in, and to which database.
    Account(Box<Account>),
}

/// Who logs in, and to which database.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: Box<[u8]>,
    pub(super) database: Option<Box<[u8]>>,
}

/// Longest name of a user or a database that is kept.
const NAME_BYTES: usize = super::reply::NAME_BYTES;

impl Account {
    /// These names as what a command is about.
    pub(super) fn text(user: Option<&[u8]>, database: Option<&[u8]>) -> Text {
        let cut = |name: &[u8]| name.get(..NAME_BYTES).unwrap_or(name).into();
        Text::Account(Box::new(Self { user: user.map(cut).unwrap_or_default(), database: database.map(cut) }))
    }
}

/// A command that waits for its answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) command: Command,
    pub(super) text: Text,
    pub(super) span: Span,
    /// Commands before it were lost: where it stood must prove which answer is its.
    pub(super) unsure: bool,
    /// The sequence number with which its answer begins.
    pub(super) sequence: u8,
}

impl Pending {
    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.text {
            Text::Own(text) => text.capacity(),
            Text::Account(account) => {
                account.user.len() + account.database.as_ref().map_or(0, |database| database.len())
            }
            _ => 0,
        }
    }

    /// Offset past its last byte.
    pub(super) fn end(&self) -> u64 {
        self.span.offset.saturating_add(self.span.bytes)
    }
}

/// What a command is about, read from its packet without the command's byte. Text goes into `spare`.
pub(super) fn text(
    command: Command,
    payload: &[u8],
    session: &Session,
    statements: &Statements,
    spare: &mut Vec<u8>,
) -> Text {
    let mut own = |text: &[u8]| {
        let mut kept = std::mem::take(spare);
        kept.clear();
        kept.extend_from_slice(text.get(..TEXT_BYTES).unwrap_or(text));
        Text::Own(kept)
    };
    match command {
        Command::Query => command::query_text(payload, session.capabilities).map_or(Text::None, own),
        Command::Prepare | Command::InitDb => own(payload),
        Command::ChangeUser => {
            let (user, database) = message::change_user(payload, session.capabilities);
            Account::text(user, database)
        }
        Command::Execute | Command::BulkExecute | Command::Fetch | Command::ResetStatement => {
            match Reader::new(payload).u32_le() {
                Some(LAST_PREPARED) => Text::LastPrepared,
                Some(id) => match statements.get(id) {
                    Some(prepared) => Text::Prepared(id, Arc::clone(prepared)),
                    None => Text::Unknown(id),
                },
                None => Text::None,
            }
        }
        _ => Text::None,
    }
}
