//! What one message says (RFC 1035 section 4, RFC 6891 for EDNS). Borrowed; nothing is allocated.

use super::{
    codes::{class_name, kind, kind_name, opcode, opcode_name},
    name::{self, Fault},
};
use crate::reader::Reader;

/// Length of a message's head.
pub(super) const HEAD_BYTES: usize = 12;

/// The second word of a message: what it is, and its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags(pub(super) u16);

impl Flags {
    pub(super) const fn is_response(self) -> bool {
        self.0 & 0x8000 != 0
    }

    pub(super) const fn opcode(self) -> u8 {
        (self.0 >> 11 & 0xf) as u8
    }

    /// The response code without what EDNS adds.
    pub(super) const fn code(self) -> u16 {
        self.0 & 0xf
    }

    pub(super) const fn is_truncated(self) -> bool {
        self.0 & 0x0200 != 0
    }

    /// The flags that are set, by the names that `dig` gives them.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(u16, &str); 6] =
            [(0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"), (0x0020, "ad"), (0x0010, "cd")];
        NAMES.into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, name)| name)
    }
}

/// What the OPT record says (RFC 6891 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edns {
    /// The largest datagram that its sender takes.
    pub(super) udp_bytes: u16,
    /// The upper eight bits of the response code.
    pub(super) code: u8,
    pub(super) version: u8,
    /// Whether DNSSEC records are wanted.
    pub(super) dnssec: bool,
}

/// The first question of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// Where its name stands.
    pub(super) name_at: usize,
    pub(super) kind: u16,
    pub(super) class: u16,
}

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Its records are as many as it says and fill it to its last byte.
    Whole,
    /// What was copied of it is well formed.
    Cut,
    /// Its questions are well formed, and something behind them is not.
    Malformed,
}

/// One message whose head and questions are well formed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// What was seen of it.
    pub(super) bytes: &'a [u8],
    /// Its full length.
    pub(super) length: u64,
    pub(super) id: u16,
    pub(super) flags: Flags,
    /// How many questions, answers, authority and additional records it says to have.
    pub(super) counts: [u16; 4],
    pub(super) question: Option<Question>,
    /// Where the answers begin.
    answers_at: usize,
    /// Type of the last record among the answers, if that was seen.
    pub(super) last_answer: Option<u16>,
    pub(super) edns: Option<Edns>,
    pub(super) extent: Extent,
    /// How many records were read.
    pub(super) records: u32,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Where the name of its owner stands.
    pub(super) owner_at: usize,
    pub(super) kind: u16,
    class: u16,
    pub(super) lifetime: u32,
    /// Where its data stand.
    pub(super) data_at: usize,
    pub(super) data: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at a place, and where it ends.
    fn read(message: &'a [u8], owner_at: usize) -> Result<(Self, usize), Fault> {
        let head_at = name::skip(message, owner_at)?;
        let mut reader = Reader::new(message.get(head_at..).unwrap_or_default());
        let mut fields = || {
            let (kind, class, lifetime) = (reader.u16_be()?, reader.u16_be()?, reader.u32_be()?);
            let length = reader.u16_be()?;
            let data = reader.bytes(usize::from(length))?;
            Some((kind, class, lifetime, data))
        };
        let (kind, class, lifetime, data) = fields().ok_or(Fault::Short)?;
        let data_at = head_at + 10;
        Ok((Self { owner_at, kind, class, lifetime, data_at, data }, data_at + data.len()))
    }

    /// Whether it is the OPT record, whose owner is the root.
    const fn is_edns(&self) -> bool {
        self.kind == kind::OPT && self.data_at == self.owner_at + 11
    }

    fn edns(&self) -> Edns {
        let [code, version, flags, _] = self.lifetime.to_be_bytes();
        Edns { udp_bytes: self.class, code, version, dnssec: flags & 0x80 != 0 }
    }
}

impl<'a> Message<'a> {
    /// Reads a message of `length` bytes, of which `bytes` were seen. `None` if the head or a question is not what a
    /// message of the domain name system can have.
    pub(super) fn parse(bytes: &'a [u8], length: u64) -> Option<Self> {
        let mut head = Reader::new(bytes);
        let (id, flags) = (head.u16_be()?, Flags(head.u16_be()?));
        let counts = [head.u16_be()?, head.u16_be()?, head.u16_be()?, head.u16_be()?];
        // One bit is left that must be zero (RFC 6895 section 2.1).
        if flags.0 & 0x0040 != 0 || opcode_name(flags.opcode()).is_none() {
            return None;
        }
        let mut message = Self {
            bytes,
            length,
            id,
            flags,
            counts,
            question: None,
            answers_at: HEAD_BYTES,
            last_answer: None,
            edns: None,
            extent: Extent::Whole,
            records: 0,
        };
        for _ in 0..counts[0] {
            let question = message.next_question()?;
            message.question.get_or_insert(question);
        }
        if message.is_netbios() {
            return None;
        }
        message.extent = match message.read_records() {
            Ok(end) if end as u64 == length => Extent::Whole,
            Err(Fault::Short) if (bytes.len() as u64) < length => Extent::Cut,
            _ => Extent::Malformed,
        };
        Some(message)
    }

    fn next_question(&mut self) -> Option<Question> {
        let name_at = self.answers_at;
        let end = name::skip(self.bytes, name_at).ok()?;
        let mut reader = Reader::new(self.bytes.get(end..)?);
        let question = Question { name_at, kind: reader.u16_be()?, class: reader.u16_be()? };
        self.answers_at = end + 4;
        Some(question)
    }

    /// Reads through all records; gives where they end.
    fn read_records(&mut self) -> Result<usize, Fault> {
        let mut at = self.answers_at;
        let [_, answers, authority, additional] = self.counts.map(u32::from);
        for number in 0..answers + authority + additional {
            let (record, end) = Record::read(self.bytes, at)?;
            if number < answers {
                self.last_answer = Some(record.kind);
            } else if number >= answers + authority && record.is_edns() {
                self.edns.get_or_insert(record.edns());
            }
            at = end;
            self.records += 1;
        }
        Ok(at)
    }

    /// Of a message that is cut: whether the records that were seen, or the place where the last of all will end, speak
    /// for it as much as a whole message would.
    pub(super) fn is_cut_well(&self) -> bool {
        let counted: u32 = self.counts.iter().skip(1).copied().map(u32::from).sum();
        let mut at = self.answers_at;
        for _ in 0..self.records {
            let Ok((_, end)) = Record::read(self.bytes, at) else { return false };
            at = end;
        }
        let last_fits = || {
            let head_at = name::skip(self.bytes, at).ok()?;
            let length = self.bytes.get(head_at + 8..)?.first_chunk()?;
            let end = head_at + 10 + usize::from(u16::from_be_bytes(*length));
            Some(self.records + 1 == counted && end as u64 == self.length)
        };
        self.records >= 2 || last_fits() == Some(true)
    }

    /// The NetBIOS name service has the same form, with names of 32 letters from A to P (RFC 1001 section 14.1).
    fn is_netbios(&self) -> bool {
        self.question.is_some_and(|question| {
            matches!(question.kind, kind::NB | kind::SRV)
                && name::first_label(self.bytes, question.name_at).is_some_and(|label| {
                    label.len() == 32 && label.iter().all(|byte| (b'A'..=b'P').contains(byte))
                })
        })
    }

    /// The questions, as far as they were seen.
    pub(super) fn questions(&self) -> impl Iterator<Item = Question> + use<'a> {
        let mut rest = Self { answers_at: HEAD_BYTES, ..*self };
        (0..self.counts[0]).map_while(move |_| rest.next_question())
    }

    /// The answers, as far as they were seen and are well formed.
    pub(super) fn answers(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let (bytes, mut at) = (self.bytes, self.answers_at);
        (0..self.counts[1]).map_while(move |_| {
            let (record, end) = Record::read(bytes, at).ok()?;
            at = end;
            Some(record)
        })
    }

    /// The response code with what EDNS adds.
    pub(super) fn code(&self) -> u16 {
        self.flags.code() | self.edns.map_or(0, |edns| u16::from(edns.code) << 4)
    }

    /// Whether this can hardly be anything but a message of the domain name system, whoever sent it to whomever: all of
    /// it is well formed, and it asks or answers what software is known to ask and answer.
    pub(super) fn is_certain(&self) -> bool {
        if self.extent == Extent::Malformed {
            return false;
        }
        let [questions, answers, authority, additional] = self.counts;
        let Some(question) = self.question else {
            // An answer to something that could not be read, or of multicast DNS; nothing is asked by asking nothing.
            return self.flags.is_response() && (self.flags.code() != 0 || answers > 0);
        };
        // Multicast DNS asks for an answer to the asker alone by the highest bit (RFC 6762 section 5.4).
        let known = class_name(question.class & 0x7fff).is_some()
            && (kind_name(question.kind).is_some() || question.kind >= 0xff00);
        let several = questions > 1 && (self.extent != Extent::Whole || self.flags.opcode() != opcode::QUERY);
        if !known || several {
            return false;
        }
        if self.flags.is_response() {
            return true;
        }
        let records_fit = match self.flags.opcode() {
            // Answers that are known already (RFC 6762 section 7.1), what is about to be claimed (section 8.2), and the
            // state of a zone that is to be brought up to date (RFC 1995 section 3).
            opcode::QUERY => additional <= 2 && answers <= 255 && authority <= 64,
            opcode::NOTIFY => answers <= 1 && authority == 0 && additional <= 2,
            opcode::UPDATE => question.kind == kind::SOA,
            _ => false,
        };
        records_fit && self.flags.code() == 0
    }
}
