//! What one packet of a server says, and what a client says of itself when it logs in.
//!
//! Layouts: MySQL 9 source documentation, "Client/Server Protocol", "Generic Response Packets" and "Connection Phase
//! Packets"; MariaDB documentation, "Clients & Utilities, Server Client Protocol".

use crate::reader::Reader;

/// Capabilities that change how packets read. The upper half holds MariaDB's own.
pub(super) mod capability {
    /// Cleared by MariaDB servers and clients that have capabilities of their own.
    pub(crate) const MYSQL: u64 = 1;
    pub(crate) const CONNECT_WITH_DB: u64 = 1 << 3;
    pub(crate) const COMPRESS: u64 = 1 << 5;
    pub(crate) const PROTOCOL_41: u64 = 1 << 9;
    pub(crate) const TLS: u64 = 1 << 11;
    pub(crate) const SECURE_CONNECTION: u64 = 1 << 15;
    pub(crate) const LENGTH_ENCODED_AUTH: u64 = 1 << 21;
    pub(crate) const DEPRECATE_EOF: u64 = 1 << 24;
    pub(crate) const ZSTD: u64 = 1 << 26;
    pub(crate) const QUERY_ATTRIBUTES: u64 = 1 << 27;
}

/// The server's status after a command.
pub(super) mod status {
    /// Another result follows this one.
    pub(crate) const MORE_RESULTS: u16 = 0x0008;
    /// The rows wait on the server until they are fetched.
    pub(crate) const CURSOR_EXISTS: u16 = 0x0040;
    /// The packet tells of changes to the session.
    pub(crate) const SESSION_STATE_CHANGED: u16 = 0x4000;
}

/// What the changes to a session call the current database.
const TRACK_SCHEMA: u8 = 1;

/// Code that MariaDB puts where an error's stands, to tell how far it has come.
pub(super) const PROGRESS_REPORT: u16 = 0xffff;

/// A number of one to nine bytes that says its own length ("length-encoded integer").
pub(super) fn number(reader: &mut Reader<'_>) -> Option<u64> {
    let mut ahead = *reader;
    let little = |bytes: &[u8]| bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
    let value = match ahead.u8()? {
        plain @ 0..=0xfa => u64::from(plain),
        0xfc => little(ahead.bytes(2)?),
        0xfd => little(ahead.bytes(3)?),
        0xfe => little(ahead.bytes(8)?),
        _ => return None,
    };
    *reader = ahead;
    Some(value)
}

/// Bytes that follow their length.
pub(super) fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    let length = number(&mut ahead)?;
    let bytes = ahead.bytes(usize::try_from(length).ok()?)?;
    *reader = ahead;
    Some(bytes)
}

/// A server's first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Greeting<'a> {
    /// Such as `8.4.3` or `5.5.5-10.11.6-MariaDB-0+deb12u1`.
    pub(super) version: &'a [u8],
    pub(super) capabilities: u64,
}

/// Reads a greeting of protocol version 10, all that there is since 1998. Cut short, its capabilities read as none.
pub(super) fn greeting(payload: &[u8]) -> Option<Greeting<'_>> {
    let mut reader = Reader::new(payload);
    if reader.u8()? != 10 {
        return None;
    }
    let version = reader.until_zero()?;
    let mut read_capabilities = || {
        // The thread's id, eight bytes of challenge and a zero.
        reader.skip(13)?;
        let low = u64::from(reader.u16_le()?);
        // Character set and status.
        reader.skip(3)?;
        let high = u64::from(reader.u16_le()?);
        // Length of the challenge, and what MySQL keeps zero.
        reader.skip(7)?;
        let capabilities = low | high << 16;
        let own = u64::from(reader.u32_le()?);
        Some(if capabilities & capability::MYSQL == 0 { capabilities | own << 32 } else { capabilities })
    };
    Some(Greeting { version, capabilities: read_capabilities().unwrap_or_default() })
}

/// What a client answers to the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Login<'a> {
    pub(super) capabilities: u64,
    /// `None` where the client asks for TLS first: then nothing else is said in clear.
    pub(super) user: Option<&'a [u8]>,
    pub(super) database: Option<&'a [u8]>,
}

/// Length of a request for TLS: what a login begins with, and nothing more.
pub(super) const TLS_REQUEST_BYTES: usize = 32;

/// Reads a login (`HandshakeResponse41`, or its forerunner) or a request for TLS. Nothing of the password's proof is
/// kept.
pub(super) fn login(payload: &[u8], whole_length: u64) -> Option<Login<'_>> {
    let mut reader = Reader::new(payload);
    let low = u64::from(reader.u16_le()?);
    if low & capability::PROTOCOL_41 == 0 {
        return old_login(reader, low, whole_length);
    }
    let mut capabilities = low | u64::from(reader.u16_le()?) << 16;
    // Largest packet, character set.
    reader.skip(5)?;
    if reader.bytes(19)?.iter().any(|&byte| byte != 0) {
        return None;
    }
    let own = u64::from(reader.u32_le()?);
    if capabilities & capability::MYSQL == 0 {
        capabilities |= own << 32;
    }
    if whole_length == TLS_REQUEST_BYTES as u64 {
        let asks = capabilities & capability::TLS != 0;
        return asks.then_some(Login { capabilities, user: None, database: None });
    }
    let user = reader.until_zero()?;
    let proof = if capabilities & capability::LENGTH_ENCODED_AUTH != 0 {
        text(&mut reader)
    } else if capabilities & capability::SECURE_CONNECTION != 0 {
        reader.u8().and_then(|length| reader.bytes(usize::from(length)))
    } else {
        reader.until_zero()
    };
    let named = proof.is_some() && capabilities & capability::CONNECT_WITH_DB != 0;
    let database = if named { reader.until_zero().filter(|name| !name.is_empty()) } else { None };
    Some(Login { capabilities, user: Some(user), database })
}

/// Clients older than MySQL 4.1.
fn old_login(mut reader: Reader<'_>, capabilities: u64, whole_length: u64) -> Option<Login<'_>> {
    reader.skip(3)?;
    if whole_length == 5 {
        let asks = capabilities & capability::TLS != 0;
        return asks.then_some(Login { capabilities, user: None, database: None });
    }
    let user = reader.until_zero()?;
    let named = capabilities & capability::CONNECT_WITH_DB != 0 && reader.until_zero().is_some();
    let database = if named {
        let rest = reader.rest();
        let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
        Some(name).filter(|name| !name.is_empty())
    } else {
        None
    };
    Some(Login { capabilities, user: Some(user), database })
}

/// The user and the database of a `COM_CHANGE_USER`, whose packet is given without the command's byte.
pub(super) fn change_user(payload: &[u8], capabilities: Option<u64>) -> (Option<&[u8]>, Option<&[u8]>) {
    let mut reader = Reader::new(payload);
    let user = reader.until_zero();
    // A client whose login was not seen is believed to be younger than 2004.
    let capabilities = capabilities.unwrap_or(capability::SECURE_CONNECTION);
    let proof = if capabilities & capability::SECURE_CONNECTION != 0 {
        reader.u8().and_then(|length| reader.bytes(usize::from(length)))
    } else {
        reader.until_zero()
    };
    let database = proof.and_then(|_| reader.until_zero()).filter(|name| !name.is_empty());
    (user, database)
}

/// A command done (`OK_Packet`), with whichever first byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Done<'a> {
    pub(super) affected_rows: u64,
    pub(super) status: u16,
    pub(super) warnings: u16,
    /// The database that the session is in now, where the packet tells.
    pub(super) schema: Option<&'a [u8]>,
}

/// Reads an `OK_Packet` after its first byte. `whole` says that nothing was cut off.
pub(super) fn done(payload: &[u8], whole: bool) -> Option<Done<'_>> {
    let mut reader = Reader::new(payload);
    let affected_rows = number(&mut reader)?;
    number(&mut reader)?;
    if !whole && reader.rest().len() < 4 {
        return None;
    }
    // Both are absent only in answers to clients older than MySQL 4.1.
    let status = reader.u16_le().unwrap_or_default();
    let warnings = reader.u16_le().unwrap_or_default();
    let changed = status & status::SESSION_STATE_CHANGED != 0;
    let schema = if changed { tracked_schema(reader) } else { None };
    Some(Done { affected_rows, status, warnings, schema })
}

fn tracked_schema(mut reader: Reader<'_>) -> Option<&[u8]> {
    // A message for people.
    text(&mut reader)?;
    let mut changes = Reader::new(text(&mut reader)?);
    let mut schema = None;
    while let Some(kind) = changes.u8() {
        let change = text(&mut changes)?;
        if kind == TRACK_SCHEMA {
            schema = text(&mut Reader::new(change));
        }
    }
    schema
}

/// An error (`ERR_Packet`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    /// The vendor's code, such as 1062.
    pub(super) code: u16,
    /// Five letters or digits, such as `23000`; absent before a client is known to be younger than MySQL 4.1.
    pub(super) sqlstate: Option<[u8; 5]>,
}

/// Reads an `ERR_Packet` after its first byte. Its message is not kept: it quotes values.
pub(super) fn failure(payload: &[u8]) -> Option<Failure> {
    let mut reader = Reader::new(payload);
    let code = reader.u16_le()?;
    let sqlstate = match reader.array::<6>() {
        Some([b'#', state @ ..]) if state.iter().all(u8::is_ascii_alphanumeric) => Some(state),
        _ => None,
    };
    Some(Failure { code, sqlstate })
}

/// What a packet that begins with 0xfe and is shorter than 16 MiB says: the end of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End<'a> {
    /// The old kind (`EOF_Packet`).
    Old {
        /// The server's status.
        status: u16,
        /// Warnings.
        warnings: u16,
    },
    /// The kind that `CLIENT_DEPRECATE_EOF` brings.
    New(Done<'a>),
}

/// Reads the end of a series of packets, from after the first byte. `whole` says that nothing was cut off.
pub(super) fn end(payload: &[u8], whole: bool) -> Option<End<'_>> {
    let mut reader = Reader::new(payload);
    match payload.len() {
        // How long it was decides which kind it is.
        0..=4 if !whole => None,
        // Before MySQL 4.1 there was nothing in it.
        0 => Some(End::Old { status: 0, warnings: 0 }),
        1..=3 => None,
        4 => {
            let warnings = reader.u16_le()?;
            Some(End::Old { status: reader.u16_le()?, warnings })
        }
        _ => done(payload, whole).map(End::New),
    }
}

/// The answer to a `COM_STMT_PREPARE`, after its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) id: u32,
    pub(super) columns: u16,
    pub(super) parameters: u16,
    /// Whether definitions of both follow.
    pub(super) described: bool,
}

/// Reads it.
pub(super) fn prepared(payload: &[u8]) -> Option<Prepared> {
    let mut reader = Reader::new(payload);
    let id = reader.u32_le()?;
    let columns = reader.u16_le()?;
    let parameters = reader.u16_le()?;
    reader.skip(3)?;
    Some(Prepared { id, columns, parameters, described: reader.u8() != Some(0) })
}

/// What a packet with a number of columns says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) count: u64,
    /// Whether their definitions follow.
    pub(super) described: bool,
}

/// Columns of a table, and so of a result, at most.
const MOST_COLUMNS: u64 = 4_096;

/// Reads the packet that begins a result. MySQL may put a byte before the number that says whether definitions follow
/// (`CLIENT_OPTIONAL_RESULTSET_METADATA`), MariaDB one after it (`MARIADB_CLIENT_CACHE_METADATA`); which of them it is
/// follows from their values.
pub(super) fn columns(payload: &[u8]) -> Option<Columns> {
    if payload.len() > 10 {
        return None;
    }
    let (count, after) = counted(payload)?;
    let (count, described) = match (payload, after) {
        (_, []) => (count, true),
        ([flag @ (0 | 1), rest @ ..], _)
            if counted(rest).is_some_and(|(count, after)| count > 0 && after.is_empty()) =>
        {
            (counted(rest)?.0, *flag == 1)
        }
        (_, [flag @ (0 | 1)]) => (count, *flag == 1),
        _ => return None,
    };
    (1..=MOST_COLUMNS).contains(&count).then_some(Columns { count, described })
}

fn counted(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut reader = Reader::new(bytes);
    let count = number(&mut reader)?;
    Some((count, reader.rest()))
}
