//! One open file.

use std::{
    collections::VecDeque,
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use super::{
    identity::{HEAD_BYTES, HashKey, Head, Identity, Place, WINDOW_BYTES, WindowHash, born_ns, read_full},
    marks::Marks,
};

/// What reading on gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'b> {
    /// What comes next.
    Bytes(&'b [u8]),
    /// Nothing: all that there is was read.
    End,
    /// The file was truncated, or written anew: reading goes on at its beginning. So many bytes had been read of what it was.
    Rewritten(u64),
}

/// How a file came to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It was not known.
    New,
    /// It is the one that was known.
    Known,
    /// Another file has the place of the one that was known: an inode was used again.
    Reused,
    /// It is the one that was known, but was truncated or written anew.
    Rewritten,
}

/// Whether a file is a copy of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It is not, or nothing tells.
    No,
    /// It begins as one, and is too short to tell.
    Perhaps,
    /// It is one of what the file still has; what comes after this offset was not read there, but may yet be.
    Of(u64),
    /// It is one of what the file had before it was truncated; what comes after this offset did not become records.
    OfPast(u64),
}

/// Reads one file on, and notices when it is no longer what was read.
#[derive(Debug)]
pub struct Reader {
    file: File,
    place: Place,
    born_ns: u64,
    head: Head,
    /// The first bytes, until there are enough of them.
    beginning: Vec<u8>,
    /// The bytes before the offset; compared with the file whenever it is read on.
    window: Vec<u8>,
    offset: u64,
    marks: Marks,
    /// What was read before the file was truncated, the latest last.
    past: VecDeque<Past>,
    key: HashKey,
}

/// Truncations of one file that are remembered: copies are looked at within tenths of a second.
const MOST_PAST: usize = 8;

/// What a copy is recognised by.
#[derive(Debug)]
struct Past {
    head: Head,
    read: WindowHash,
    marks: Marks,
    /// What came after it was read, but was no whole record.
    complete: u64,
}

/// Opens a file without waiting: whatever a pattern matches may turn out to be a pipe.
///
/// # Errors
/// If it cannot be opened.
pub(in crate::logs) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

impl Reader {
    /// Reads the file at a path, from its beginning.
    ///
    /// # Errors
    /// If it cannot be opened, or is no regular file.
    pub fn open(path: &Path, key: HashKey) -> io::Result<Self> {
        Self::of(open(path)?, key)
    }

    /// Reads a file that is open, from its beginning.
    ///
    /// # Errors
    /// If the system tells nothing of it, or it is no regular file.
    pub fn of(file: File, key: HashKey) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self {
            place: Place::of(&metadata),
            born_ns: born_ns(&metadata),
            head: Head::default(),
            beginning: Vec::new(),
            window: Vec::new(),
            offset: 0,
            marks: Marks::default(),
            past: VecDeque::new(),
            file,
            key,
        })
    }

    /// Goes to where the file was left, if it is the same.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn resume(&mut self, known: &Identity) -> io::Result<Opened> {
        let is_other = known.born_ns != 0 && self.born_ns != 0 && known.born_ns != self.born_ns;
        if is_other {
            return Ok(Opened::Reused);
        }
        if !known.head.matches(&self.file, &self.key)? {
            // With the time of its birth the same it is the file that was known; its content is not.
            let is_same = known.born_ns != 0 && self.born_ns != 0;
            return Ok(if is_same { Opened::Rewritten } else { Opened::Reused });
        }
        if self.size()? < known.read.offset || !known.read.matches(&self.file, &self.key)? {
            return Ok(Opened::Rewritten);
        }
        self.go_to(known.read.offset)?;
        Ok(Opened::Known)
    }

    /// Goes to an offset without reading what is before it.
    ///
    /// # Errors
    /// If the file cannot be read, or is shorter.
    pub fn go_to(&mut self, offset: u64) -> io::Result<()> {
        let mut beginning = vec![0; HEAD_BYTES.min(usize::try_from(offset).unwrap_or(usize::MAX))];
        let length = (WINDOW_BYTES as u64).min(offset);
        let mut window = vec![0; length as usize];
        let is_whole = read_full(&self.file, &mut beginning, 0)? == beginning.len()
            && read_full(&self.file, &mut window, offset - length)? == window.len();
        if !is_whole {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.head = Head::of(&beginning, &self.key);
        self.beginning = if self.head.is_complete() { Vec::new() } else { beginning };
        self.window = window;
        self.offset = offset;
        self.mark();
        Ok(())
    }

    /// Reads on, as far as the buffer has room.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<Step<'b>> {
        let overlap = self.window.len();
        let read = read_full(&self.file, buffer, self.offset - overlap as u64)?;
        if buffer.get(..overlap) != Some(self.window.as_slice()) || read < overlap {
            let had = self.offset;
            self.restart();
            return Ok(Step::Rewritten(had));
        }
        let bytes = buffer.get(overlap..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(Step::End);
        }
        Self::keep_last(&mut self.window, bytes);
        if !self.head.is_complete() {
            let missing = HEAD_BYTES - self.beginning.len();
            self.beginning.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
            self.head = Head::of(&self.beginning, &self.key);
            if self.head.is_complete() {
                self.beginning = Vec::new();
            }
        }
        self.offset += bytes.len() as u64;
        self.mark();
        Ok(Step::Bytes(bytes))
    }

    fn mark(&mut self) {
        if self.marks.is_due(self.offset) {
            self.marks.add(WindowHash { offset: self.offset, hash: self.key.hash(&self.window) });
        }
    }

    fn keep_last(window: &mut Vec<u8>, bytes: &[u8]) {
        let kept = WINDOW_BYTES.saturating_sub(bytes.len()).min(window.len());
        window.drain(..window.len() - kept);
        window.extend_from_slice(bytes.get(bytes.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default());
    }

    /// Begins anew, as the file has.
    fn restart(&mut self) {
        if self.offset > 0 {
            let read = WindowHash { offset: self.offset, hash: self.key.hash(&self.window) };
            let marks = std::mem::take(&mut self.marks);
            if self.past.len() >= MOST_PAST {
                self.past.pop_front();
            }
            self.past.push_back(Past { head: self.head, read, marks, complete: self.offset });
        }
        self.head = Head::default();
        self.beginning = Vec::new();
        self.window = Vec::new();
        self.offset = 0;
    }

    /// After [`Step::Rewritten`]: of what was read before, only this much had become records.
    pub fn note_complete(&mut self, offset: u64) {
        if let Some(past) = self.past.back_mut() {
            past.complete = past.complete.min(offset);
        }
    }

    /// Whether another file is a copy of what this one had when it was read: `copytruncate` makes such, and what it holds beyond what
    /// was read here is nowhere else.
    ///
    /// # Errors
    /// If the other cannot be read.
    pub fn is_copied_by(&self, other: &Self) -> io::Result<Copied> {
        let size = other.size()?;
        if size == 0 || size < u64::from(self.head.length) {
            // Too short to tell by its head; this file may still have what it was copied from.
            let mut ours = vec![0; size as usize];
            let mut theirs = ours.clone();
            let are_alike = size > 0
                && read_full(&self.file, &mut ours, 0)? == ours.len()
                && read_full(&other.file, &mut theirs, 0)? == theirs.len()
                && ours == theirs;
            if are_alike {
                return Ok(Copied::Perhaps);
            }
        }
        let read = WindowHash { offset: self.offset, hash: self.key.hash(&self.window) };
        if let Some(offset) = self.copied(other, size, &self.head, &read, &self.marks)? {
            return Ok(Copied::Of(offset));
        }
        for past in &self.past {
            if let Some(offset) = self.copied(other, size, &past.head, &past.read, &past.marks)? {
                return Ok(Copied::OfPast(offset.min(past.complete)));
            }
        }
        Ok(Copied::No)
    }

    fn copied(
        &self,
        other: &Self,
        size: u64,
        head: &Head,
        read: &WindowHash,
        marks: &Marks,
    ) -> io::Result<Option<u64>> {
        // Short files may be alike without being copies.
        if !head.is_complete() || size < u64::from(head.length) || !head.matches(&other.file, &self.key)? {
            return Ok(None);
        }
        if size >= read.offset {
            return Ok(read.matches(&other.file, &self.key)?.then_some(read.offset));
        }
        match marks.last_within(size) {
            Some(mark) => Ok(mark.matches(&other.file, &self.key)?.then_some(size)),
            // All of it is the head.
            None => Ok((size == u64::from(head.length)).then_some(size)),
        }
    }

    /// Whether it begins with these bytes; they are the first that some file has.
    #[must_use]
    pub fn may_be_copied_by(&self, beginning: &[u8]) -> bool {
        let begins = |head: &Head| {
            let length = usize::from(head.length).min(beginning.len());
            length > 0
                && (length < usize::from(head.length) || Head::of(&beginning[..length], &self.key) == *head)
        };
        begins(&self.head) || self.past.iter().any(|past| begins(&past.head))
    }

    /// Whether a file that was known elsewhere continues here: a copy of it, made while nobody looked.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn continues(&self, known: &Identity) -> io::Result<bool> {
        Ok(known.head.length > 0
            && known.head.matches(&self.file, &self.key)?
            && known.read.offset > 0
            && self.size()? >= known.read.offset
            && known.read.matches(&self.file, &self.key)?)
    }

    /// What the file is known by up to an offset that was read; nothing if it has not got so far any more.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn identity_at(&self, offset: u64) -> io::Result<Option<Identity>> {
        let read = if offset == self.offset {
            Some(WindowHash { offset, hash: self.key.hash(&self.window) })
        } else {
            WindowHash::read(&self.file, offset, &self.key)?
        };
        Ok(read.map(|read| Identity { place: self.place, born_ns: self.born_ns, head: self.head, read }))
    }

    /// Bytes that the file has now.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.size())
    }

    /// What the system says of the file now.
    ///
    /// # Errors
    /// If it says nothing.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// The first bytes that the file has now, up to that many.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        read_full(&self.file, bytes, 0)
    }

    /// When the file system made it, in nanoseconds since 1970; 0 where it does not say.
    #[must_use]
    pub const fn born_ns(&self) -> u64 {
        self.born_ns
    }

    /// Up to where it was read.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the file system keeps it.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }
}
