//! One file of the queue: written from front to back, read from front to back, removed as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::record::{self, DONE, FILE_HEAD, HEAD, Head, STATE};
use crate::export::{
    Batch,
    otlp::{Amount, Stream},
};

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    file: File,
    /// Where the last whole record ends.
    end: u64,
    /// What the file takes, with what cannot be read at its end.
    pub(super) size: u64,
    /// Where reading goes on.
    read: u64,
    /// Batches after `read` that are not done.
    pub(super) unread: Amount,
    /// Batches that are not done, read or not.
    pub(super) pending: u64,
    pub(super) is_damaged: bool,
}

/// What a file's end is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// It ends within a record, as after a crash. Of that record, what its head says.
    Torn(Amount),
    /// Something else is where a record should be, or its payload is not the one that was written.
    Damaged(Amount),
}

impl Segment {
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = path(folder, number);
        // Telemetry may name people and secrets: for the owner only.
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(FILE_HEAD) {
            // Else the number would be taken.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self::new(number, path, file, FILE_HEAD.len() as u64))
    }

    const fn new(number: u64, path: PathBuf, file: File, size: u64) -> Self {
        let start = FILE_HEAD.len() as u64;
        let unread = Amount { batches: 0, items: 0, bytes: 0 };
        Self { number, path, file, end: start, size, read: start, unread, pending: 0, is_damaged: false }
    }

    /// Opens a file that an earlier process left, and looks how far it is whole.
    pub(super) fn open(folder: &Path, number: u64) -> io::Result<(Self, End)> {
        let path = path(folder, number);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let size = file.metadata()?.len();
        let mut segment = Self::new(number, path, file, size);
        let end = segment.scan()?;
        segment.is_damaged = matches!(end, End::Damaged(_));
        Ok((segment, end))
    }

    fn scan(&mut self) -> io::Result<End> {
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        let mut start = [0; FILE_HEAD.len()];
        match reader.read_exact(&mut start) {
            Ok(()) if start == *FILE_HEAD => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            Err(_) => return Ok(End::Torn(Amount::default())),
            Ok(()) => return Ok(End::Damaged(Amount::default())),
        }
        loop {
            let left = self.size - self.end;
            let mut bytes = [0; HEAD];
            if left == 0 {
                return Ok(End::Whole);
            }
            if left < HEAD as u64 {
                return Ok(End::Torn(Amount::default()));
            }
            reader.read_exact(&mut bytes)?;
            let Some(head) = Head::read(&bytes) else { return Ok(End::Damaged(Amount::default())) };
            let lost = if head.is_done { Amount::default() } else { head.amount() };
            if left < (HEAD + head.length()) as u64 {
                return Ok(End::Torn(lost));
            }
            let mut payload = vec![0; head.length()];
            reader.read_exact(&mut payload)?;
            if head.batch(Bytes::from(payload)).is_none() {
                return Ok(End::Damaged(lost));
            }
            self.end += (HEAD + head.length()) as u64;
            if !head.is_done {
                self.unread.add(head.amount());
                self.pending += 1;
            }
        }
    }

    /// Writes batches to the end; gives the place of each. Nothing of them stays if it fails.
    pub(super) fn append(&mut self, batches: &[(&Batch, Stream)]) -> io::Result<Vec<u64>> {
        let size = batches.iter().map(|(batch, _)| record::size(batch)).sum::<u64>();
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let mut places = Vec::with_capacity(batches.len());
        for (batch, stream) in batches {
            places.push(self.end + bytes.len() as u64);
            record::write(&mut bytes, batch, *stream);
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What stays on a full disk is cut off when the file is read again, if not now.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        self.size = self.end;
        for (batch, _) in batches {
            let amount = Amount { batches: 1, items: batch.items.into(), bytes: batch.payload.len() as u64 };
            self.unread.add(amount);
        }
        self.pending += batches.len() as u64;
        Ok(places)
    }

    /// The next batch that is not done, with its place.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Batch, Stream)>> {
        while self.read < self.end {
            let place = self.read;
            let mut bytes = [0; HEAD];
            self.file.read_exact_at(&mut bytes, place)?;
            let head = Head::read(&bytes).ok_or_else(changed)?;
            if head.is_done {
                self.read += (HEAD + head.length()) as u64;
                continue;
            }
            let mut payload = vec![0; head.length()];
            self.file.read_exact_at(&mut payload, place + HEAD as u64)?;
            let (batch, stream) = head.batch(Bytes::from(payload)).ok_or_else(changed)?;
            self.read += (HEAD + head.length()) as u64;
            self.unread.subtract(head.amount());
            return Ok(Some((place, batch, stream)));
        }
        Ok(None)
    }

    /// Passes a batch that is in memory already.
    pub(super) fn skip_all(&mut self) {
        self.read = self.end;
        self.unread = Amount::default();
    }

    /// A batch need not be sent any more.
    pub(super) fn done(&mut self, place: u64) -> io::Result<()> {
        self.pending = self.pending.saturating_sub(1);
        self.file.write_all_at(&[DONE], place + STATE)
    }

    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it does not have what was written there")
}

const SUFFIX: &str = ".batches";

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}{SUFFIX}"))
}

/// The numbers of the files in a folder, in order.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|name| name.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
