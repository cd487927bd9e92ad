//! What the fields of a message are, as data, and the walk that reads a message by it.
//!
//! A description lists what a version of a message holds, in order, and stops where nothing further is of interest.
//! Whatever stands in a message is checked as far as it is described: a length or a count that the message cannot hold
//! makes it [`End::Bad`], and then nothing that was read of it is believed.

use crate::reader::Reader;

/// One field, and the versions that have it.
#[derive(Debug)]
pub(super) struct Field {
    kind: Kind,
    from: i16,
    to: i16,
}

/// In every version.
pub(super) const fn all(kind: Kind) -> Field {
    Field { kind, from: 0, to: i16::MAX }
}

/// From a version on.
pub(super) const fn since(from: i16, kind: Kind) -> Field {
    Field { kind, from, to: i16::MAX }
}

/// Up to a version, which has it, too.
pub(super) const fn until(to: i16, kind: Kind) -> Field {
    Field { kind, from: 0, to }
}

/// From one version to another, both included.
pub(super) const fn between(from: i16, to: i16, kind: Kind) -> Field {
    Field { kind, from, to }
}

/// What a field is, and what it means where that matters.
#[derive(Debug)]
pub(super) enum Kind {
    /// So many bytes of no interest.
    Skip(u8),
    /// A string of no interest.
    Text,
    /// Bytes of no interest.
    Bytes,
    /// A list of numbers of so many bytes each.
    Numbers(u8),
    /// A list of strings of no interest.
    Texts,
    /// A string of letters, digits and a few signs, such as the name of a program or a mechanism.
    Word,
    /// A topic's name.
    Topic,
    /// A topic's id.
    TopicId,
    /// The id of the topic that was named before it: the two belong together.
    LearnedId,
    /// A list of topic names.
    TopicList,
    /// A partition's number.
    Partition,
    /// A list of partition numbers.
    PartitionList,
    /// An error code.
    Error,
    /// A consumer group's id.
    Group,
    /// A list of group ids.
    GroupList,
    /// What a coordinator is looked for: a group or a transaction.
    Key,
    /// Which of the two: 0 is a group.
    KeyType,
    /// A list of keys.
    KeyList,
    /// A transactional id.
    Transaction,
    /// How many replicas must have a batch before it is acknowledged.
    Acks,
    /// A fetch session's id.
    Session,
    /// How many requests of its session came before.
    SessionEpoch,
    /// A cluster's id.
    Cluster,
    /// The offset that the first record of a batch was given.
    BaseOffset,
    /// Record batches.
    Records,
    /// A list of structures of no interest but for the fields in them.
    Array(&'static [Field]),
    /// A list with a topic in each element.
    Topics(&'static [Field]),
    /// A list with a partition in each element.
    Partitions(&'static [Field]),
    /// A list with a group in each element.
    Groups(&'static [Field]),
    /// A list of topics that a fetch session is to forget.
    Forgotten(&'static [Field]),
    /// The rest is not described.
    Cut,
}

/// A field of interest.
#[derive(Debug, Clone, Copy)]
pub(super) enum Note<'a> {
    /// So many topics follow; `None` where the list is null.
    Topics(Option<u32>),
    Topic(&'a [u8]),
    TopicId([u8; 16]),
    LearnedId([u8; 16]),
    Partitions(u32),
    Partition(i32),
    Error(i16),
    Groups(u32),
    Group(&'a [u8]),
    Keys(u32),
    Key(&'a [u8]),
    KeyType(u8),
    Transaction(&'a [u8]),
    Acks(i16),
    Session(i32),
    SessionEpoch(i32),
    Cluster(&'a [u8]),
    BaseOffset(i64),
    Word(&'a [u8]),
    Forgotten(u32),
    /// Record batches of so many bytes, and as many of them as there are.
    Records(u32, &'a [u8]),
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With the last byte of the message.
    Whole,
    /// The description was followed to its end, but bytes are left.
    More,
    /// Where the description stops.
    Cut,
    /// Where the bytes stop: the rest of the message was not kept, or not seen.
    Short,
    /// At something that no such message can hold.
    Bad,
}

/// A message's body: what there is of it, and how much there should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    /// The bytes at hand, from the front.
    pub(super) bytes: &'a [u8],
    /// Bytes of the message that stand behind them.
    pub(super) beyond: u64,
}

/// Reads a body and calls `note` with every field of interest.
pub(super) fn walk<'a>(
    fields: &'static [Field],
    version: i16,
    flexible: bool,
    body: Body<'a>,
    note: &mut impl FnMut(Note<'a>),
) -> End {
    let mut walk = Walk { reader: Reader::new(body.bytes), beyond: body.beyond, version, flexible };
    match walk.structure(fields, note) {
        Err(end) => end,
        Ok(()) if walk.left() == 0 => End::Whole,
        Ok(()) => End::More,
    }
}

/// Moves past the tagged fields that end a header.
pub(super) fn skip_tags(body: &mut Body<'_>) -> Result<(), End> {
    let mut walk = Walk { reader: Reader::new(body.bytes), beyond: body.beyond, version: 0, flexible: true };
    walk.tags()?;
    body.bytes = walk.reader.rest();
    Ok(())
}

struct Walk<'a> {
    reader: Reader<'a>,
    beyond: u64,
    version: i16,
    flexible: bool,
}

type Step<T> = Result<T, End>;

impl<'a> Walk<'a> {
    /// Bytes of the message not read yet, at hand or not.
    fn left(&self) -> u64 {
        self.beyond.saturating_add(self.reader.rest().len() as u64)
    }

    /// What a read that gave nothing means: the bytes at hand ended, or the message did.
    fn end(&self) -> End {
        if self.beyond > 0 { End::Short } else { End::Bad }
    }

    fn some<T>(&self, value: Option<T>) -> Step<T> {
        value.ok_or_else(|| self.end())
    }

    fn structure(&mut self, fields: &'static [Field], note: &mut impl FnMut(Note<'a>)) -> Step<()> {
        for field in fields {
            if self.version >= field.from && self.version <= field.to {
                self.field(&field.kind, note)?;
            }
        }
        if self.flexible { self.tags() } else { Ok(()) }
    }

    /// The tagged fields at the end of a structure: none of them is of interest.
    fn tags(&mut self) -> Step<()> {
        let count = self.reader.varint();
        for _ in 0..self.some(count)? {
            let tag = self.reader.varint();
            self.some(tag)?;
            let size = self.reader.varint();
            let size = self.some(size)?;
            self.skip(u64::from(size))?;
        }
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Step<()> {
        if count > self.left() {
            return Err(End::Bad);
        }
        let skipped = usize::try_from(count).ok().and_then(|count| self.reader.skip(count));
        self.some(skipped)
    }

    /// The length of a string, of bytes, or of a list, in its compact form or in the other; `None` for null.
    fn size(&mut self, wide: bool) -> Step<Option<u32>> {
        let size = if self.flexible {
            let size = self.reader.varint();
            self.some(size)?.checked_sub(1)
        } else {
            let size = if wide { self.reader.i32_be() } else { self.reader.i16_be().map(i32::from) };
            match self.some(size)? {
                -1 => None,
                size => Some(u32::try_from(size).map_err(|_| End::Bad)?),
            }
        };
        // No element of a list takes less than a byte.
        if u64::from(size.unwrap_or(0)) > self.left() { Err(End::Bad) } else { Ok(size) }
    }

    fn text(&mut self) -> Step<&'a [u8]> {
        let Some(size) = self.size(false)? else { return Ok(&[]) };
        let text = usize::try_from(size).ok().and_then(|size| self.reader.bytes(size));
        self.some(text)
    }

    fn list(&mut self, fields: &'static [Field], count: u32, note: &mut impl FnMut(Note<'a>)) -> Step<()> {
        for _ in 0..count {
            self.structure(fields, note)?;
        }
        Ok(())
    }

    fn texts(&mut self, count: u32, mut note: impl FnMut(&'a [u8])) -> Step<()> {
        for _ in 0..count {
            note(self.text()?);
        }
        Ok(())
    }

    fn field(&mut self, kind: &'static Kind, note: &mut impl FnMut(Note<'a>)) -> Step<()> {
        match *kind {
            Kind::Skip(count) => self.skip(u64::from(count))?,
            Kind::Text => {
                self.text()?;
            }
            Kind::Bytes => {
                let size = self.size(true)?.unwrap_or(0);
                self.skip(u64::from(size))?;
            }
            Kind::Numbers(bytes) => {
                let count = self.size(true)?.unwrap_or(0);
                self.skip(u64::from(count) * u64::from(bytes))?;
            }
            Kind::Texts => {
                let count = self.size(true)?.unwrap_or(0);
                self.texts(count, |_| {})?;
            }
            Kind::Word => note(Note::Word(self.text()?)),
            Kind::Topic => note(Note::Topic(self.text()?)),
            Kind::TopicId => {
                let id = self.reader.array();
                note(Note::TopicId(self.some(id)?));
            }
            Kind::LearnedId => {
                let id = self.reader.array();
                note(Note::LearnedId(self.some(id)?));
            }
            Kind::TopicList => {
                let count = self.size(true)?;
                note(Note::Topics(count));
                self.texts(count.unwrap_or(0), |text| note(Note::Topic(text)))?;
            }
            Kind::PartitionList => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Partitions(count));
                for _ in 0..count {
                    let partition = self.reader.i32_be();
                    note(Note::Partition(self.some(partition)?));
                }
            }
            Kind::GroupList => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Groups(count));
                self.texts(count, |text| note(Note::Group(text)))?;
            }
            Kind::Key => {
                note(Note::Keys(1));
                note(Note::Key(self.text()?));
            }
            Kind::KeyList => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Keys(count));
                self.texts(count, |text| note(Note::Key(text)))?;
            }
            Kind::KeyType => {
                let byte = self.reader.u8();
                note(Note::KeyType(self.some(byte)?));
            }
            Kind::Group => note(Note::Group(self.text()?)),
            Kind::Transaction => note(Note::Transaction(self.text()?)),
            Kind::Cluster => note(Note::Cluster(self.text()?)),
            Kind::Partition => {
                let number = self.reader.i32_be();
                note(Note::Partition(self.some(number)?));
            }
            Kind::Session => {
                let number = self.reader.i32_be();
                note(Note::Session(self.some(number)?));
            }
            Kind::SessionEpoch => {
                let number = self.reader.i32_be();
                note(Note::SessionEpoch(self.some(number)?));
            }
            Kind::Error => {
                let code = self.reader.i16_be();
                note(Note::Error(self.some(code)?));
            }
            Kind::Acks => {
                let number = self.reader.i16_be();
                note(Note::Acks(self.some(number)?));
            }
            Kind::BaseOffset => {
                let offset = self.reader.array().map(i64::from_be_bytes);
                note(Note::BaseOffset(self.some(offset)?));
            }
            Kind::Records => {
                let size = self.size(true)?.unwrap_or(0);
                let rest = self.reader.rest();
                let here = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
                note(Note::Records(size, rest.get(..here).unwrap_or(rest)));
                self.skip(u64::from(size))?;
            }
            Kind::Array(fields) => {
                let count = self.size(true)?.unwrap_or(0);
                self.list(fields, count, note)?;
            }
            Kind::Topics(fields) => {
                let count = self.size(true)?;
                note(Note::Topics(count));
                self.list(fields, count.unwrap_or(0), note)?;
            }
            Kind::Partitions(fields) => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Partitions(count));
                self.list(fields, count, note)?;
            }
            Kind::Groups(fields) => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Groups(count));
                self.list(fields, count, note)?;
            }
            Kind::Forgotten(fields) => {
                let count = self.size(true)?.unwrap_or(0);
                note(Note::Forgotten(count));
                self.list(fields, count, note)?;
            }
            Kind::Cut => return Err(End::Cut),
        }
        Ok(())
    }
}
