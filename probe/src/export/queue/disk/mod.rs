//! The queue of one destination on disk.
//!
//! A folder for each kind of telemetry, in it numbered files that are written to their end and then removed as a whole. A
//! batch that was delivered is marked in place. Own files rather than a database, because then
//!
//! - what is whole of a file that was cut off is still sent,
//! - the limit holds for what the disk really gives, and
//! - a full disk does not keep from reading, marking and removing.
//!
//! What was written survives a killed process at once, and a loss of power when [`DiskQueue::append`] has returned. Marks
//! are not forced to the disk: after a loss of power some batches may be sent twice.

mod lane;
mod record;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

use self::lane::DiskLane;
use super::Entry;
use crate::export::{
    Batch, SignalKind,
    otlp::{Amount, DiskSettings, Stream},
};

/// Where a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::export) struct Place {
    segment: u64,
    place: u64,
}

/// Why the disk queue cannot be used.
#[derive(Debug, Error)]
pub enum DiskError {
    /// Two processes would send everything twice.
    #[error(
        "the disk queue in {folder} is used by another process: stop that one, or give each its own folder", folder = folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The device is full.
    #[error(
        "the disk queue in {folder} cannot grow: {source}. Free some space there; until then what memory has no room for \
         is dropped", folder = folder.display()
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("the disk queue in {folder} does not work: {source}. Check the folder's owner and the disk", folder = folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

#[derive(Debug)]
pub(in crate::export) struct DiskQueue {
    folder: PathBuf,
    limit: u64,
    lanes: [DiskLane; 3],
    /// Held for as long as the queue is.
    _lock: File,
}

/// How far writing came.
#[derive(Debug)]
pub(in crate::export) struct Appended {
    /// So many of the batches are on disk.
    pub(in crate::export) written: usize,
    /// What was removed to make room, of each kind.
    pub(in crate::export) removed: [Amount; 3],
    /// Why the others are not.
    pub(in crate::export) error: Option<DiskError>,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(in crate::export) struct Left {
    pub(in crate::export) waiting: [Amount; 3],
    pub(in crate::export) lost: [Amount; 3],
    pub(in crate::export) sentence: Option<String>,
}

/// Files of a sixteenth of the limit, so that making room costs little; not so small that there are very many of them.
const PARTS: u64 = 16;
const LARGEST_FILE: u64 = 8 << 20;

impl DiskQueue {
    /// Opens or makes the folder of a destination.
    pub(in crate::export) fn open(settings: &DiskSettings, name: &str) -> Result<(Self, Left), DiskError> {
        let folder = settings.folder.join(folder_name(name));
        let failed = |source| error(&folder, source);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = lock(&folder)?;
        let mut left = Left::default();
        let mut lanes = Vec::new();
        for kind in SignalKind::ALL {
            let (lane, found) = DiskLane::open(folder.join(kind.name())).map_err(failed)?;
            left.waiting[kind as usize] = lane.unread();
            left.lost[kind as usize] = found.lost;
            left.sentence = found.sentence.or(left.sentence);
            lanes.push(lane);
        }
        let Ok(lanes) = <[DiskLane; 3]>::try_from(lanes) else {
            return Err(failed(io::ErrorKind::NotFound.into()));
        };
        Ok((Self { folder, limit: settings.bytes, lanes, _lock: lock }, left))
    }

    /// Writes batches of one kind behind all others, a file's worth at a time.
    pub(in crate::export) fn append(&mut self, kind: SignalKind, entries: &[Entry]) -> Appended {
        let batches: Vec<_> = entries.iter().map(|entry| (&entry.batch, entry.stream)).collect();
        let mut appended = Appended { written: 0, removed: [Amount::default(); 3], error: None };
        let file_size = (self.limit / PARTS).min(LARGEST_FILE);
        while appended.written < batches.len() {
            let mut size = 0;
            let rest = &batches[appended.written..];
            let fits = |(place, (batch, _)): &(usize, &(&Batch, Stream))| {
                size += record::size(batch);
                *place == 0 || size <= file_size
            };
            let part = &rest[..rest.iter().enumerate().take_while(fits).count()];
            let written = self.make_room(part).and_then(|removed| {
                appended.removed.iter_mut().zip(removed).for_each(|(sum, removed)| sum.add(removed));
                self.lanes[kind as usize]
                    .append(part, file_size)
                    .map_err(|source| error(&self.folder, source))
            });
            if let Err(error) = written {
                appended.error = Some(error);
                break;
            }
            appended.written += part.len();
        }
        appended
    }

    /// Writes batches that are in memory as well before all others of their kind.
    pub(in crate::export) fn prepend(
        &mut self,
        kind: SignalKind,
        batches: &[(&Batch, Stream)],
    ) -> Result<(Vec<Place>, [Amount; 3]), DiskError> {
        let removed = self.make_room(batches)?;
        let places =
            self.lanes[kind as usize].prepend(batches).map_err(|source| error(&self.folder, source))?;
        Ok((places, removed))
    }

    /// Whether a batch can be kept at all.
    pub(in crate::export) fn can_hold(&self, batch: &Batch) -> bool {
        record::size(batch) + record::FILE_HEAD.len() as u64 <= self.limit
    }

    /// Removes the oldest files of the kind that takes most, until so much fits.
    fn make_room(&mut self, batches: &[(&Batch, Stream)]) -> Result<[Amount; 3], DiskError> {
        let mut removed = [Amount::default(); 3];
        // Each may begin a file.
        let needed: u64 =
            batches.iter().map(|(batch, _)| record::size(batch) + record::FILE_HEAD.len() as u64).sum();
        loop {
            let taken: u64 = self.lanes.iter().map(DiskLane::size).sum();
            if taken == 0 || taken + needed <= self.limit {
                return Ok(removed);
            }
            let fullest = (0..3).max_by_key(|place| self.lanes[*place].size()).unwrap_or(0);
            let lane = &mut self.lanes[fullest];
            removed[fullest].add(lane.evict().map_err(|source| error(lane.folder(), source))?);
        }
    }

    /// Reads the next batches of a kind. What cannot be read any more is given as lost, with a sentence.
    pub(in crate::export) fn read(
        &mut self,
        kind: SignalKind,
        batches: usize,
        bytes: usize,
    ) -> (Vec<Entry>, Amount, Option<String>) {
        let lane = &mut self.lanes[kind as usize];
        let (read, lost, failure) = lane.read(batches, bytes);
        let folder = lane.folder().display();
        let sentence = failure.map(|failure| {
            format!("a file of the disk queue in {folder} cannot be read: {failure}. It is set aside; check this disk")
        });
        let entries = read
            .into_iter()
            .map(|(place, batch, stream)| Entry { batch, stream, tracker: None, place: Some(place) })
            .collect();
        (entries, lost, sentence)
    }

    /// Whether a batch is still there, or was removed to make room.
    pub(in crate::export) fn has(&self, kind: SignalKind, place: Place) -> bool {
        self.lanes[kind as usize].has(place)
    }

    /// These need not be sent any more.
    pub(in crate::export) fn done(&mut self, places: &[(SignalKind, Place)]) -> Result<(), DiskError> {
        let failed = |source| error(&self.folder, source);
        for (kind, place) in places {
            self.lanes[*kind as usize].done(*place).map_err(failed)?;
        }
        self.lanes.iter_mut().try_for_each(DiskLane::tidy).map_err(failed)
    }
}

fn lock(folder: &Path) -> Result<File, DiskError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|source| error(folder, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DiskError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(error(folder, source)),
    }
}

fn error(folder: &Path, source: io::Error) -> DiskError {
    let folder = folder.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskError::Full { folder, source },
        _ => DiskError::Failed { folder, source },
    }
}

/// A name that is a folder's name everywhere, and never another folder.
fn folder_name(name: &str) -> String {
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '_' }
    };
    let name: String = name.chars().map(safe).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}
