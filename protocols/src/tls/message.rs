//! What the hellos say (RFC 8446 sections 4.1.2 and 4.1.3, RFC 5246 section 7.4.1).

use crate::reader::Reader;

/// Application protocols kept of a ClientHello. Browsers offer two or three.
const PROTOCOLS: usize = 8;

/// Bytes of a DNS name.
const NAME_BYTES: usize = 255;

/// The most that what is kept of a hello takes.
pub(super) const TEXT_LIMIT: usize = NAME_BYTES + PROTOCOLS * NAME_BYTES;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The random value that makes a ServerHello a HelloRetryRequest (section 4.1.3): the hash of "HelloRetryRequest".
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What is kept of a ClientHello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    /// The server that is asked for. With an encrypted ClientHello, the one that decrypts it.
    pub(super) server_name: Option<Box<[u8]>>,
    /// The application protocols offered, in the client's order.
    pub(super) protocols: Vec<Box<[u8]>>,
    /// Another ClientHello is encrypted within, or random bytes that look like one: nobody but the server can tell.
    pub(super) encrypted: bool,
}

/// What is kept of a ServerHello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// The version of the connection; none if the hello ends before it is sure.
    pub(super) version: Option<u16>,
    pub(super) cipher_suite: Option<u16>,
    /// The application protocol chosen. Encrypted from TLS 1.3 on.
    pub(super) protocol: Option<Box<[u8]>>,
    /// The client is to try again with other keys.
    pub(super) retry: bool,
}

/// What came of a ClientHello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) hello: Option<ServerHello>,
    pub(super) alert: Option<u8>,
    /// The client was sent back once.
    pub(super) retried: bool,
    /// The answer is no TLS.
    pub(super) foreign: bool,
}

impl ClientHello {
    /// Bytes held.
    pub(super) fn weight(&self) -> usize {
        let name = self.server_name.as_ref().map_or(0, |name| name.len());
        name + self.protocols.iter().map(|protocol| protocol.len()).sum::<usize>()
    }
}

/// A list of bytes with a length of two bytes before it; what there is of it, where it was cut.
fn list<'a>(reader: &mut Reader<'a>) -> Option<Reader<'a>> {
    let length = usize::from(reader.u16_be()?);
    let available = reader.rest().len().min(length);
    reader.bytes(available).map(Reader::new)
}

/// A list with a length of one byte before it, whole.
fn short<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u8()?;
    reader.bytes(usize::from(length))
}

/// Calls `each` with every extension that is whole.
fn extensions<'a>(reader: &mut Reader<'a>, mut each: impl FnMut(u16, Reader<'a>)) -> Option<()> {
    let mut list = list(reader)?;
    while !list.is_empty() {
        let kind = list.u16_be()?;
        let length = list.u16_be()?;
        each(kind, Reader::new(list.bytes(usize::from(length))?));
    }
    Some(())
}

/// Values that clients offer only to keep servers tolerant (RFC 8701): 0x0a0a, 0x1a1a, up to 0xfafa.
fn is_reserved(value: &[u8]) -> bool {
    matches!(value, &[high, low] if high == low && low & 0x0f == 0x0a)
}

fn server_name(mut extension: Reader<'_>) -> Option<&[u8]> {
    let mut names = list(&mut extension)?;
    loop {
        let kind = names.u8()?;
        let length = names.u16_be()?;
        let name = names.bytes(usize::from(length))?;
        if kind == 0 && (1..=NAME_BYTES).contains(&name.len()) {
            return Some(name);
        }
    }
}

fn protocols<'a>(mut extension: Reader<'a>, mut each: impl FnMut(&'a [u8])) -> Option<()> {
    let mut names = list(&mut extension)?;
    while !names.is_empty() {
        let name = short(&mut names)?;
        if !name.is_empty() && !is_reserved(name) {
            each(name);
        }
    }
    Some(())
}

/// Reads a ClientHello, as far as it goes.
pub(super) fn client_hello(body: &[u8]) -> ClientHello {
    let mut hello = ClientHello::default();
    let mut reader = Reader::new(body);
    // Nothing is made of a hello that ends early: what was found before is true.
    let _ = fill_client_hello(&mut reader, &mut hello);
    hello
}

fn fill_client_hello(reader: &mut Reader<'_>, hello: &mut ClientHello) -> Option<()> {
    reader.skip(2 + 32)?;
    short(reader)?;
    let suites = reader.u16_be()?;
    reader.skip(usize::from(suites))?;
    short(reader)?;
    extensions(reader, |kind, extension| match kind {
        SERVER_NAME => hello.server_name = server_name(extension).map(Box::from),
        ALPN => {
            let _ = protocols(extension, |name| {
                if hello.protocols.len() < PROTOCOLS {
                    hello.protocols.push(name.into());
                }
            });
        }
        ENCRYPTED_CLIENT_HELLO => hello.encrypted = extension.rest().first() == Some(&0),
        _ => {}
    })
}

/// Reads a ServerHello, as far as it goes.
pub(super) fn server_hello(body: &[u8]) -> ServerHello {
    let mut hello = ServerHello::default();
    let mut reader = Reader::new(body);
    let _ = fill_server_hello(&mut reader, &mut hello);
    hello
}

fn fill_server_hello(reader: &mut Reader<'_>, hello: &mut ServerHello) -> Option<()> {
    let legacy_version = reader.u16_be()?;
    hello.retry = reader.array()? == RETRY;
    short(reader)?;
    hello.cipher_suite = reader.u16_be();
    reader.skip(1)?;
    if !reader.is_empty() {
        let mut selected = None;
        extensions(reader, |kind, mut extension| match kind {
            SUPPORTED_VERSIONS => selected = extension.u16_be(),
            ALPN => {
                let _ = protocols(extension, |name| hello.protocol = Some(name.into()));
            }
            _ => {}
        })?;
        hello.version = selected;
    }
    hello.version = hello.version.or(Some(legacy_version));
    Some(())
}
