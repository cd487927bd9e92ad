//! What is true of a connection beyond one command: what was agreed on, and the current database.

use super::{
    message::{self, Login, capability},
    reply::{NAME_BYTES, Reply},
};

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Mysql,
    Mariadb,
}

/// How what follows the login is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zlib,
    Zstd,
}

/// One connection's session.
#[derive(Debug, Default)]
pub(super) struct Session {
    flavour: Option<Flavour>,
    offered: Option<u64>,
    /// What both ends can do, once the login was seen.
    pub(super) capabilities: Option<u64>,
    /// What was agreed on, or was inferred.
    pub(super) deprecates_eof: Option<bool>,
    database: Option<Box<[u8]>>,
}

impl Session {
    /// The server's first words were seen.
    pub(super) fn greet(&mut self, greeting: &message::Greeting<'_>) {
        let word = b"mariadb";
        let mariadb = greeting.version.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        self.flavour = Some(if mariadb { Flavour::Mariadb } else { Flavour::Mysql });
        self.offered = Some(greeting.capabilities).filter(|&capabilities| capabilities != 0);
    }

    /// Something was said that only MariaDB understands.
    pub(super) fn speaks_mariadb(&mut self) {
        self.flavour.get_or_insert(Flavour::Mariadb);
    }

    /// The client's login was seen.
    pub(super) fn log_in(&mut self, login: &Login<'_>) {
        let agreed = login.capabilities & self.offered.unwrap_or(u64::MAX);
        self.capabilities = Some(agreed);
        self.deprecates_eof = Some(agreed & capability::DEPRECATE_EOF != 0);
    }

    /// How packets are packed after the login.
    pub(super) fn compression(&self) -> Compression {
        let agreed = self.capabilities.unwrap_or_default();
        if agreed & capability::COMPRESS != 0 {
            Compression::Zlib
        } else if agreed & capability::ZSTD != 0 && self.flavour != Some(Flavour::Mariadb) {
            Compression::Zstd
        } else {
            Compression::None
        }
    }

    /// OpenTelemetry's name of the system.
    pub(super) fn system(&self) -> &'static str {
        match self.flavour {
            Some(Flavour::Mariadb) => "mariadb",
            Some(Flavour::Mysql) | None => "mysql",
        }
    }

    /// The current database, where it is known.
    pub(super) fn database(&self) -> Option<&[u8]> {
        self.database.as_deref()
    }

    /// Another database is current, or none, or it is not known which.
    pub(super) fn set_database(&mut self, name: Option<&[u8]>) {
        if self.database.as_deref() != name {
            self.database = name.map(|name| name.get(..NAME_BYTES).unwrap_or(name).into());
        }
    }

    /// Takes over what an answer told of the session.
    pub(super) fn learn(&mut self, reply: &mut Reply) {
        if self.deprecates_eof.is_none() {
            self.deprecates_eof = reply.deprecates_eof;
        }
        if let Some(schema) = reply.schema.take() {
            self.set_database(Some(&schema).filter(|schema| !schema.is_empty()).map(|schema| &**schema));
        }
    }

    /// A command's text was executed: follows `USE`, and `DROP DATABASE` of the current one.
    pub(super) fn executed(&mut self, text: &[u8], reply: &Reply) {
        if !reply.first_succeeded {
            return;
        }
        let (first, rest) = word(text);
        if first.eq_ignore_ascii_case(b"use") {
            if let Some(name) = name(rest) {
                self.set_database(Some(&name));
            }
        } else if first.eq_ignore_ascii_case(b"drop") && self.database.is_some() {
            let (what, rest) = word(rest);
            if what.eq_ignore_ascii_case(b"database") || what.eq_ignore_ascii_case(b"schema") {
                let (condition, after) = word(rest);
                let rest = if condition.eq_ignore_ascii_case(b"if") { word(after).1 } else { rest };
                if name(rest).as_deref() == self.database() {
                    self.set_database(None);
                }
            }
        }
        if reply.results > 1 && uses_later(text) {
            // Which of several statements succeeded is not told apart here.
            self.set_database(None);
        }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.database.as_ref().map_or(0, |name| name.len())
    }
}

/// The first word of a statement, comments before it left out, and what follows.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let mut text = text.trim_ascii_start();
    while let Some(comment) = text.strip_prefix(b"/*") {
        let Some(end) = memchr::memmem::find(comment, b"*/") else { return (b"", b"") };
        text = comment[end + 2..].trim_ascii_start();
    }
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

/// A name at the beginning of text, quoted or not.
fn name(text: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    let text = text.trim_ascii_start();
    if let Some(quoted) = text.strip_prefix(b"`") {
        let mut name = Vec::new();
        let mut rest = quoted;
        loop {
            let end = memchr::memchr(b'`', rest)?;
            name.extend_from_slice(&rest[..end]);
            match rest.get(end + 1) {
                Some(b'`') => name.push(b'`'),
                _ => return Some(name.into()),
            }
            rest = rest.get(end + 2..).unwrap_or_default();
        }
    }
    let end = text.iter().position(|&byte| byte == b';' || byte.is_ascii_whitespace()).unwrap_or(text.len());
    Some(text[..end].into()).filter(|name: &std::borrow::Cow<'_, [u8]>| !name.is_empty())
}

/// Whether a statement after the first may be a `USE`.
fn uses_later(text: &[u8]) -> bool {
    memchr::memchr_iter(b';', text).any(|end| word(&text[end + 1..]).0.eq_ignore_ascii_case(b"use"))
}
