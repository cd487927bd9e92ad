//! One file that is followed.

use std::{collections::VecDeque, os::unix::ffi::OsStrExt as _, path::PathBuf, sync::Arc, time::Instant};

use super::{flight::Extent, watermark::Sizes};
use crate::logs::{
    containers::Origin,
    files::{Identity, Place, Reader},
    records::{Counts, Maker, Source},
};

/// A file with what is made of it, and how far that came.
pub(super) struct Following {
    pub(super) path: PathBuf,
    pub(super) origin: Origin,
    /// The folder that it is really in, if a link leads there.
    pub(super) real: Option<PathBuf>,
    pub(super) reader: Reader,
    pub(super) maker: Maker,
    pub(super) source: Source,
    /// Distinguishes this file, and what it was before it was truncated, from all others.
    pub(super) epoch: u64,
    pub(super) generation_ns: u64,
    pub(super) dispatched: u64,
    pub(super) acknowledged: u64,
    pub(super) size: u64,
    /// Whether it waits for its turn.
    pub(super) is_queued: bool,
    /// Whether it was read since the last shipment.
    pub(super) is_touched: bool,
    /// Whether it was at its path when that was last looked at.
    pub(super) is_listed: bool,
    pub(super) is_removed: bool,
    pub(super) grown: Instant,
    /// The time of the last change, as of the last time that everything was read; and as it was seen since.
    pub(super) read_modified_ns: i64,
    pub(super) seen_modified_ns: i64,
    /// Whether nothing was read of it, so that it may turn out to be a copy, or compressed.
    pub(super) is_fresh: bool,
    /// A copy that may still grow: how large it was when, and when the waiting ends.
    pub(super) held: Option<Held>,
    /// The file that had its name before, which is read first.
    pub(super) after: Option<Place>,
    pub(super) orphans: VecDeque<Orphan>,
    pub(super) sizes: Sizes,
    /// Counts that were taken over already.
    pub(super) told: Counts,
    /// When it is tried again after it could not be read.
    pub(super) pause_until: Option<Instant>,
}

/// A file that begins as a copy does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) since: Instant,
    pub(super) size: u64,
    pub(super) unchanged: Instant,
}

/// The beginning of a line whose file was truncated: the rest is in a copy, or nowhere.
pub(super) struct Orphan {
    pub(super) maker: Maker,
    pub(super) source: Source,
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) since: Instant,
    /// The file's watermark, which must not go on while this was not given out.
    pub(super) watermark_ns: u64,
}

/// Orphans of one file; older ones are given out.
const MOST_ORPHANS: usize = 8;

impl Following {
    pub(super) fn new(
        path: PathBuf,
        reader: Reader,
        origin: Origin,
        epoch: u64,
        generation_ns: u64,
        written_before_ns: u64,
    ) -> Self {
        let mut maker = Maker::with_plan(Arc::clone(&origin.plan));
        let offset = reader.offset();
        if offset > 0 {
            begin_within(&mut maker, &reader);
        }
        let source = source(&path, &reader, &origin, generation_ns);
        // In containers links do not mean what they mean here.
        let real = if origin.within.is_none() { path.canonicalize().ok() } else { None };
        let real = real.filter(|real| *real != path);
        Self {
            path,
            origin,
            real,
            maker,
            source,
            epoch,
            generation_ns,
            dispatched: offset,
            acknowledged: offset,
            size: offset,
            is_queued: false,
            is_touched: false,
            is_listed: true,
            is_removed: false,
            grown: Instant::now(),
            read_modified_ns: i64::MIN,
            seen_modified_ns: 0,
            is_fresh: offset == 0,
            held: None,
            after: None,
            orphans: VecDeque::new(),
            sizes: Sizes::new(written_before_ns),
            told: Counts::default(),
            pause_until: None,
            reader,
        }
    }

    pub(super) fn place(&self) -> Place {
        self.reader.place()
    }

    /// The file was truncated after so many bytes: what it is now has nothing to do with what it was. Gives what is to be given out.
    pub(super) fn restart(&mut self, epoch: u64, now_ns: u64, had: u64) -> Option<Orphan> {
        let offset = self.maker.safe_offset();
        self.reader.note_complete(offset);
        let source = source(&self.path, &self.reader, &self.origin, now_ns);
        let old = Orphan {
            maker: std::mem::replace(&mut self.maker, Maker::with_plan(Arc::clone(&self.origin.plan))),
            source: std::mem::replace(&mut self.source, source),
            offset,
            since: Instant::now(),
            watermark_ns: self.sizes.watermark_ns(),
        };
        if offset < had {
            self.orphans.push_back(old);
        }
        self.told = Counts::default();
        self.epoch = epoch;
        self.generation_ns = now_ns;
        self.dispatched = 0;
        self.acknowledged = 0;
        self.size = 0;
        self.sizes.restart();
        if self.orphans.len() > MOST_ORPHANS { self.orphans.pop_front() } else { None }
    }

    /// Every line written to it before this time has arrived, in nanoseconds since 1970.
    pub(super) fn watermark_ns(&self) -> u64 {
        let orphans = self.orphans.iter().map(|orphan| orphan.watermark_ns);
        orphans.chain([self.sizes.watermark_ns()]).min().unwrap_or(0)
    }

    /// What the next shipment completes of this file.
    pub(super) fn extent(&mut self) -> Option<Extent> {
        let offset = self.maker.safe_offset();
        if offset <= self.dispatched {
            return None;
        }
        self.dispatched = offset;
        let identity: Option<Identity> = self.reader.identity_at(offset).ok().flatten();
        Some(Extent { place: self.place(), epoch: self.epoch, offset, identity })
    }

    /// What was counted since this was asked last, and all that was counted before.
    pub(super) fn take_counts(&mut self) -> (Counts, Counts) {
        let counts = self.maker.counts();
        (counts, std::mem::replace(&mut self.told, counts))
    }

    /// Whether all that is known to be in it has been read and acknowledged.
    pub(super) fn is_complete(&self) -> bool {
        self.acknowledged >= self.size && self.acknowledged >= self.reader.offset()
    }
}

/// Lets records begin where the reader of a file stands, which is not its beginning.
pub(super) fn begin_within(maker: &mut Maker, reader: &Reader) {
    maker.reset(reader.offset());
    let mut head = [0; 4];
    if let Ok(length) = reader.peek(&mut head) {
        maker.look_at_head(head.get(..length).unwrap_or_default());
    }
}

/// Attributes of all records of a file (semantic conventions 1.44, `log.file.*`).
fn source(path: &std::path::Path, reader: &Reader, origin: &Origin, generation_ns: u64) -> Source {
    let resolved = path.to_string_lossy();
    // Who wrote it knows it by its path in the container.
    let path_shown = origin.within.as_deref().unwrap_or(path);
    let shown = path_shown.to_string_lossy();
    let name = path_shown.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let place = reader.place();
    let mut identity = Vec::with_capacity(64);
    for number in [place.device, place.inode, reader.born_ns(), generation_ns] {
        identity.extend_from_slice(&number.to_le_bytes());
    }
    if reader.born_ns() == 0 {
        // Without it, nothing tells the next file with this inode from this one; the path does sometimes.
        identity.extend_from_slice(path.as_os_str().as_bytes());
    }
    let mut attributes = vec![("log.file.name", &*name), ("log.file.path", &*shown)];
    if origin.within.is_some() {
        attributes.push(("log.file.path_resolved", &*resolved));
    }
    Source::new(&origin.resource, &attributes, Some(&identity))
}
