//! What is kept of a command and of an answer until they are reported.

use super::command::Verb;
use crate::placed::Size;

/// A command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) size: Size,
    /// Where its text starts, how long that is, and how much of it is the command's name.
    pub(super) text: u64,
    pub(super) length: u16,
    pub(super) name: u8,
    pub(super) verb: Verb,
    pub(super) answered: Answered,
    /// Keys asked for.
    pub(super) keys: u32,
    /// Digests of what the answer repeats, if it was asked to.
    pub(super) tokens: Tokens,
    /// Its place among all commands.
    pub(super) serial: u64,
    /// An answer came that may be its own or another's.
    pub(super) contested: bool,
}

/// Whether a command has an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Always.
    Yes,
    /// Never, save for errors.
    No,
    /// Only if there is something to say.
    Maybe,
}

/// What ties an answer to its command: digests of the key and of the opaque token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tokens {
    pub(super) key: Option<u64>,
    pub(super) opaque: Option<u64>,
}

impl Tokens {
    pub(super) fn are_none(self) -> bool {
        self == Self::default()
    }
}

/// An answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Response {
    pub(super) size: Size,
    pub(super) code: Code,
    /// Values, or lines of statistics.
    pub(super) items: u32,
    pub(super) tokens: Tokens,
}

/// What an answer's last line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Code {
    /// Not seen.
    #[default]
    Unknown,
    /// `END`: of values or of statistics.
    End,
    /// `STORED`, `DELETED`, `TOUCHED`, `OK`, `RESET`: done.
    Done,
    /// `NOT_STORED`, `NS`: a condition did not hold.
    NotStored,
    /// `EXISTS`, `EX`: it was changed by another.
    Exists,
    /// `NOT_FOUND`, `NF`.
    NotFound,
    /// A number: the new value.
    Number,
    /// `VERSION`.
    Version,
    /// `HD`: done, and flags.
    Head,
    /// `VA`: a value.
    Value,
    /// `EN`: a miss.
    Miss,
    /// `ME`: what is known of an item.
    Debug,
    /// `MN`: all before it has been answered.
    NoOperation,
    /// `BUSY` and other answers to those who administer.
    Other,
    /// `ERROR`: no such command.
    Error,
    /// `CLIENT_ERROR`.
    ClientError,
    /// `SERVER_ERROR`.
    ServerError,
}

impl Code {
    /// The word of an error.
    pub(super) const fn error(self) -> Option<&'static str> {
        match self {
            Self::Error => Some("ERROR"),
            Self::ClientError => Some("CLIENT_ERROR"),
            Self::ServerError => Some("SERVER_ERROR"),
            _ => None,
        }
    }
}

/// A digest of a key or a token: equal ones are taken for the same, within one connection.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    // FNV-1a.
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
