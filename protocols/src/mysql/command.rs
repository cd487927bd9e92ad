//! What a client asks for: the first byte of a command says what it is.

use super::message::{self, capability};
use crate::reader::Reader;

/// Bytes kept of the text of one statement. More is rarely read by anyone; the summary is found near the beginning.
pub(super) const TEXT_BYTES: usize = 4096;

/// The statement that was prepared last, in MariaDB's terms: it lets a client execute what it has only just asked to
/// prepare.
pub(super) const LAST_PREPARED: u32 = u32::MAX;

/// How a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done, an error, or results.
    Results,
    /// What a statement takes and gives.
    Prepared,
    /// Rows without a head.
    Rows,
    /// Definitions of columns without a head.
    Fields,
    /// A line of text.
    Text,
    /// Steps of authentication, then done or an error.
    Authentication,
    /// A stream without end.
    Stream,
    /// Not at all.
    Nothing,
}

/// The commands that get an answer or change what later ones mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// No command: what a client answers to the greeting.
    Login,
    /// Not known, for it was lost.
    Unseen,
    Query,
    Prepare,
    Execute,
    BulkExecute,
    Fetch,
    ResetStatement,
    CloseStatement,
    LongData,
    InitDb,
    ChangeUser,
    ResetConnection,
    Ping,
    Quit,
    FieldList,
    Statistics,
    BinlogDump,
    /// Another of the table below, by its place in it.
    Other(u8),
}

/// The rarer commands: code, name, answer.
const OTHERS: [(u8, &str, Answer); 16] = [
    (0x00, "SLEEP", Answer::Results),
    (0x05, "CREATE_DB", Answer::Results),
    (0x06, "DROP_DB", Answer::Results),
    (0x07, "REFRESH", Answer::Results),
    (0x08, "SHUTDOWN", Answer::Results),
    (0x0a, "PROCESS_INFO", Answer::Results),
    (0x0b, "CONNECT", Answer::Results),
    (0x0c, "PROCESS_KILL", Answer::Results),
    (0x0d, "DEBUG", Answer::Results),
    (0x0f, "TIME", Answer::Results),
    (0x10, "DELAYED_INSERT", Answer::Results),
    (0x13, "TABLE_DUMP", Answer::Stream),
    (0x15, "REGISTER_SLAVE", Answer::Results),
    (0x1b, "SET_OPTION", Answer::Results),
    (0x20, "CLONE", Answer::Stream),
    (0x21, "SUBSCRIBE_GROUP_REPLICATION_STREAM", Answer::Stream),
];

impl Command {
    /// The command with this code.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0x01 => Self::Quit,
            0x02 => Self::InitDb,
            0x03 => Self::Query,
            0x04 => Self::FieldList,
            0x09 => Self::Statistics,
            0x0e => Self::Ping,
            0x11 => Self::ChangeUser,
            0x12 | 0x1e => Self::BinlogDump,
            0x16 => Self::Prepare,
            0x17 => Self::Execute,
            0x18 => Self::LongData,
            0x19 => Self::CloseStatement,
            0x1a => Self::ResetStatement,
            0x1c => Self::Fetch,
            0x1f => Self::ResetConnection,
            0xfa => Self::BulkExecute,
            _ => {
                let place = OTHERS.iter().position(|&(other, ..)| other == code)?;
                Self::Other(u8::try_from(place).ok()?)
            }
        })
    }

    /// Its name, as `db.operation.name` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Unseen => "?",
            Self::Query => "QUERY",
            Self::Prepare => "PREPARE",
            Self::Execute => "EXECUTE",
            Self::BulkExecute => "BULK_EXECUTE",
            Self::Fetch => "FETCH",
            Self::ResetStatement => "RESET_STATEMENT",
            Self::CloseStatement => "CLOSE_STATEMENT",
            Self::LongData => "SEND_LONG_DATA",
            Self::InitDb => "INIT_DB",
            Self::ChangeUser => "CHANGE_USER",
            Self::ResetConnection => "RESET_CONNECTION",
            Self::Ping => "PING",
            Self::Quit => "QUIT",
            Self::FieldList => "FIELD_LIST",
            Self::Statistics => "STATISTICS",
            Self::BinlogDump => "BINLOG_DUMP",
            Self::Other(place) => OTHERS.get(usize::from(place)).map_or("?", |&(_, name, _)| name),
        }
    }

    /// How it is answered.
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::Login | Self::ChangeUser => Answer::Authentication,
            Self::Prepare => Answer::Prepared,
            Self::Fetch => Answer::Rows,
            Self::FieldList => Answer::Fields,
            Self::Statistics => Answer::Text,
            Self::BinlogDump => Answer::Stream,
            Self::CloseStatement | Self::LongData | Self::Quit => Answer::Nothing,
            Self::Other(place) => {
                OTHERS.get(usize::from(place)).map_or(Answer::Results, |&(.., answer)| answer)
            }
            _ => Answer::Results,
        }
    }

    /// Whether a packet of so many bytes, its command's byte included, can be one.
    pub(super) fn fits(self, bytes: usize) -> bool {
        match self {
            Self::Quit | Self::Statistics | Self::Ping | Self::ResetConnection => bytes == 1,
            Self::CloseStatement | Self::ResetStatement => bytes == 5,
            Self::Fetch => bytes == 9,
            Self::Execute => bytes >= 10,
            Self::BulkExecute | Self::LongData => bytes >= 7,
            Self::ChangeUser => bytes >= 3,
            Self::BinlogDump => bytes >= 11,
            _ => true,
        }
    }
}

/// Finds the text in a `COM_QUERY`, which is given without the command's byte. Where it is not known whether the client
/// sends attributes, its first byte tells: no statement begins with so small a number.
pub(super) fn query_text(payload: &[u8], capabilities: Option<u64>) -> Option<&[u8]> {
    let announced = match capabilities {
        Some(capabilities) => capabilities & capability::QUERY_ATTRIBUTES != 0,
        None => payload.first().is_some_and(|&first| first < b'\t'),
    };
    if !announced {
        return Some(payload);
    }
    let mut reader = Reader::new(payload);
    let count = message::number(&mut reader)?;
    // The number of sets is one.
    message::number(&mut reader)?;
    if count > 0 {
        skip_attributes(&mut reader, usize::try_from(count).ok()?)?;
    }
    Some(reader.rest())
}

/// Moves past the attributes of a query: null bitmap, types with names, values (binary protocol values).
fn skip_attributes(reader: &mut Reader<'_>, count: usize) -> Option<()> {
    let nulls = reader.bytes(count.div_ceil(8))?;
    // Types are always sent.
    reader.skip(1)?;
    let types = *reader;
    for _ in 0..count {
        reader.u16_le()?;
        message::text(reader)?;
    }
    let mut types = types;
    for index in 0..count {
        let kind = types.u16_le()? & 0xff;
        message::text(&mut types)?;
        if nulls.get(index / 8)? >> (index % 8) & 1 == 0 {
            skip_value(reader, kind)?;
        }
    }
    Some(())
}

/// Moves past one value of the given type.
fn skip_value(reader: &mut Reader<'_>, kind: u16) -> Option<()> {
    match kind {
        // NULL
        6 => Some(()),
        // TINY, BOOL
        1 | 244 => reader.skip(1),
        // SHORT, YEAR
        2 | 13 => reader.skip(2),
        // LONG, INT24, FLOAT
        3 | 4 | 9 => reader.skip(4),
        // LONGLONG, DOUBLE
        5 | 8 => reader.skip(8),
        // DATE, DATETIME, TIMESTAMP, TIME say their length in a byte.
        7 | 10 | 11 | 12 => {
            let length = reader.u8()?;
            reader.skip(usize::from(length))
        }
        // Everything else is text.
        _ => message::text(reader).map(|_| ()),
    }
}
