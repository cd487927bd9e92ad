//! What one message says, read from its body: what follows the type and the length
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).

use crate::reader::Reader;

/// The code that stands for a version in an `SSLRequest`.
pub(super) const SSL_REQUEST: u32 = 80_877_103;
/// The code of a `GSSENCRequest`.
pub(super) const GSSENC_REQUEST: u32 = 80_877_104;
/// The code of a `CancelRequest`.
pub(super) const CANCEL_REQUEST: u32 = 80_877_102;
/// The major version that this parser reads.
pub(super) const MAJOR_VERSION: u16 = 3;

/// A message of a connection's beginning, which has no type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening<'a> {
    Ssl,
    Gssenc,
    /// Another connection's query is to be cancelled: the process id of its backend. The key is a credential.
    Cancel(Option<u32>),
    Startup(Startup<'a>),
}

/// What a `StartupMessage` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Startup<'a> {
    pub(super) minor_version: u16,
    pub(super) user: Option<&'a [u8]>,
    pub(super) database: Option<&'a [u8]>,
}

/// Reads a whole opening message, its length included, or as much of it as was kept.
pub(super) fn opening(bytes: &[u8]) -> Option<Opening<'_>> {
    let mut reader = Reader::new(bytes);
    reader.skip(4)?;
    match reader.u32_be()? {
        SSL_REQUEST => Some(Opening::Ssl),
        GSSENC_REQUEST => Some(Opening::Gssenc),
        CANCEL_REQUEST => Some(Opening::Cancel(reader.u32_be())),
        version if (version >> 16) == u32::from(MAJOR_VERSION) => {
            let minor_version = u16::try_from(version & 0xffff).unwrap_or_default();
            let mut startup = Startup { minor_version, ..Startup::default() };
            while let Some(key) = reader.until_zero().filter(|key| !key.is_empty()) {
                let Some(value) = reader.until_zero() else { break };
                match key {
                    b"user" => startup.user = Some(value),
                    b"database" => startup.database = Some(value),
                    _ => {}
                }
            }
            Some(Opening::Startup(startup))
        }
        _ => None,
    }
}

/// The text of a `Query`, or what was kept of it.
pub(super) fn query(body: &[u8]) -> &[u8] {
    Reader::new(body).until_zero().unwrap_or(body)
}

/// Name and text of a `Parse`, or what was kept of the text.
pub(super) fn parse(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(body);
    let name = reader.until_zero()?;
    Some((name, reader.until_zero().unwrap_or(reader.rest())))
}

/// Portal and statement of a `Bind`.
pub(super) fn bind(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(body);
    Some((reader.until_zero()?, reader.until_zero()?))
}

/// What a `Describe` or `Close` speaks of: `S` for a statement or `P` for a portal, and its name.
pub(super) fn named(body: &[u8]) -> Option<(u8, &[u8])> {
    let mut reader = Reader::new(body);
    Some((reader.u8()?, reader.until_zero()?))
}

/// The portal that an `Execute` runs.
pub(super) fn execute(body: &[u8]) -> Option<&[u8]> {
    Reader::new(body).until_zero()
}

/// Name and value of a `ParameterStatus`.
pub(super) fn parameter_status(body: &[u8]) -> Option<(&[u8], &[u8])> {
    bind(body)
}

/// A SQLSTATE: five digits or capital letters.
pub(super) type SqlState = [u8; 5];

/// What is read of an `ErrorResponse`. Its texts may quote data, and stay here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Error {
    pub(super) state: Option<SqlState>,
    /// Whether the session ends with it.
    pub(super) is_fatal: bool,
}

/// Reads the fields of an `ErrorResponse`.
pub(super) fn error(body: &[u8]) -> Error {
    let mut reader = Reader::new(body);
    let mut error = Error::default();
    while let Some(field) = reader.u8().filter(|&field| field != 0) {
        let Some(value) = reader.until_zero() else { break };
        match field {
            b'C' => error.state = sql_state(value),
            // `V` is never translated; servers before 9.6 have `S` alone.
            b'V' | b'S' => error.is_fatal |= matches!(value, b"FATAL" | b"PANIC"),
            _ => {}
        }
    }
    error
}

fn sql_state(value: &[u8]) -> Option<SqlState> {
    let state = SqlState::try_from(value).ok()?;
    state.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(state)
}

/// How a backend wants to be convinced of who asks. `None` for what does not name a method.
pub(super) fn authentication(body: &[u8]) -> Option<&'static str> {
    match Reader::new(body).u32_be()? {
        0 => Some("trust"),
        2 => Some("kerberos"),
        3 => Some("password"),
        5 => Some("md5"),
        7 => Some("gss"),
        9 => Some("sspi"),
        10 => Some("sasl"),
        _ => None,
    }
}

/// The process of a `BackendKeyData`. The key behind it is a credential.
pub(super) fn process_id(body: &[u8]) -> Option<u32> {
    Reader::new(body).u32_be()
}

/// The minor version that a `NegotiateProtocolVersion` settles on. Servers send it with the major version before it.
pub(super) fn minor_version(body: &[u8]) -> Option<u16> {
    u16::try_from(Reader::new(body).u32_be()? & 0xffff).ok()
}

/// Longest command tag that is kept; the longest command is `CREATE TEXT SEARCH CONFIGURATION`, and none that long has
/// a count.
const TAG_BYTES: usize = 39;

/// What a `CommandComplete` says was done, such as `INSERT 0 5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    length: u8,
    bytes: [u8; TAG_BYTES],
}

impl Tag {
    /// Reads the body of a `CommandComplete`. Empty if it has none that can be shown.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut tag = Self { length: 0, bytes: [0; TAG_BYTES] };
        let text = Reader::new(body).until_zero().unwrap_or_default();
        let plain =
            text.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b' ' | b'_'));
        if let Some(bytes) = tag.bytes.get_mut(..text.len()).filter(|_| plain) {
            bytes.copy_from_slice(text);
            tag.length = u8::try_from(text.len()).unwrap_or_default();
        }
        tag
    }

    /// The whole tag.
    pub(super) fn text(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The command without its numbers.
    pub(super) fn command(&self) -> &str {
        let text = self.text();
        let end = text.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end).unwrap_or_default().trim_end()
    }

    /// The number of rows: the last word, if it is one.
    pub(super) fn rows(&self) -> Option<u64> {
        self.text().rsplit(' ').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_cut_into_command_and_rows() {
        let read = |text: &[u8]| {
            let tag = Tag::read(text);
            (tag.command().to_owned(), tag.rows())
        };
        assert_eq!(read(b"INSERT 0 5\0"), ("INSERT".to_owned(), Some(5)));
        assert_eq!(read(b"SELECT 0\0"), ("SELECT".to_owned(), Some(0)));
        assert_eq!(read(b"CREATE TABLE\0"), ("CREATE TABLE".to_owned(), None));
        assert_eq!(read(b"CREATE TEXT SEARCH CONFIGURATION\0").0, "CREATE TEXT SEARCH CONFIGURATION");
        assert_eq!(read(b"SELECT \x1b[2J 4\0"), (String::new(), None), "what no server says is not shown");
        assert_eq!(read(b"SELECT 4"), (String::new(), None), "a tag that was cut has no number to trust");
    }

    #[test]
    fn an_error_gives_its_state_and_whether_it_ends_the_session() {
        let error_of = |text: &[u8]| (error(text).state, error(text).is_fatal);
        assert_eq!(error_of(b"SERROR\0VERROR\0C42P01\0Mno\0\0"), (Some(*b"42P01"), false));
        assert_eq!(error_of(b"SFATAL\0C28P01\0\0"), (Some(*b"28P01"), true));
        assert_eq!(error_of(b"SFEHLER\0VFATAL\0C57P01\0\0"), (Some(*b"57P01"), true));
        assert_eq!(error_of(b"C4\x1b2P01\0\0"), (None, false));
        assert_eq!(error_of(b"SERROR"), (None, false));
    }

    #[test]
    fn a_start_up_names_its_user_and_database() {
        let message = b"\0\0\0\x22\0\x03\0\x02user\0ann\0database\0shop\0\0";
        let startup = Startup { minor_version: 2, user: Some(b"ann"), database: Some(b"shop") };
        assert_eq!(opening(message), Some(Opening::Startup(startup)));
        assert_eq!(opening(b"\0\0\0\x08\0\x02\0\0"), None);
    }
}
