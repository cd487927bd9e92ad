//! The files of one pipeline: which there are, whose turn it is, what became of them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    collector::Collector, copies::Judgement, flight::Extent, following::Following, known::Known,
    origins::Origins, settings::PipelineSettings,
};
use crate::logs::{
    checkpoints::Checkpoint,
    discover::{PatternError, Watch},
    files::{HashKey, Opened, Place, Reader, Step, modified_ns},
    status::{FileStatus, Findings, Kind, MOST_FILES},
};

/// Files that are open at once.
const MOST_OPEN: usize = 100_000;

/// How long a removed file is watched for more after its end was reached.
const REMOVED_QUIET: Duration = Duration::from_secs(5);

/// How long the beginning of a line waits for a copy that has its rest, after its file was truncated.
const ORPHAN_WAITS: Duration = Duration::from_secs(5);

/// How long a file is that no pattern matches any more.
const UNLISTED_QUIET: Duration = Duration::from_secs(60);

/// Pause after a file could not be read.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Follower {
    settings: Arc<PipelineSettings>,
    pub(super) origins: Origins,
    pub(super) key: HashKey,
    pub(super) files: HashMap<Place, Following>,
    pub(super) paths: HashMap<PathBuf, Place>,
    pub(super) queue: VecDeque<Place>,
    /// Files whose last line or record is not complete.
    partial: HashSet<Place>,
    /// Files that wait to be judged.
    pub(super) held: HashSet<Place>,
    touched: Vec<Place>,
    pub(super) known: Known,
    pub(super) watch: Option<Watch>,
    /// Compressed files, which are not opened again.
    pub(super) skipped: HashSet<Place>,
    pub(super) findings: Findings,
    pub(super) epochs: u64,
    /// When the last look began that nothing interfered with.
    pub(super) looked_ns: u64,
    pub(super) is_first: bool,
    pub(super) has_looked: bool,
    /// Checkpoints that are of no use any more.
    pub(super) forgotten: Vec<Place>,
    pub(super) read_bytes: u64,
    pub(super) acknowledged_bytes: u64,
    pub(super) lines: u64,
    pub(super) records: u64,
}

impl Follower {
    /// # Errors
    /// If a pattern of containers' files cannot be used.
    pub(super) fn new(
        settings: Arc<PipelineSettings>,
        key: HashKey,
        known: Vec<Checkpoint>,
    ) -> Result<Self, PatternError> {
        let mut findings = Findings::default();
        let watch = match Watch::new() {
            Ok(watch) => Some(watch),
            Err(error) => {
                findings.add(Kind::NotWatched, Path::new(""), 1, |_| {
                    format!("changes are not heard of, only looked for: {error}; raise fs.inotify.max_user_instances")
                });
                None
            }
        };
        Ok(Self {
            origins: Origins::new(Arc::clone(&settings))?,
            settings,
            key,
            files: HashMap::new(),
            paths: HashMap::new(),
            queue: VecDeque::new(),
            partial: HashSet::new(),
            held: HashSet::new(),
            touched: Vec::new(),
            known: Known::new(known, key),
            watch,
            skipped: HashSet::new(),
            findings,
            epochs: 0,
            looked_ns: 0,
            is_first: true,
            has_looked: false,
            forgotten: Vec::new(),
            read_bytes: 0,
            acknowledged_bytes: 0,
            lines: 0,
            records: 0,
        })
    }

    /// Opens what is at a path, if that is not followed already. Tells whether something is there.
    pub(super) fn admit(&mut self, path: &Path) -> bool {
        let Some(origin) = self.origins.origin(path) else { return true };
        let mut reader = match origin.open(path).and_then(|file| Reader::of(file, self.key)) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            // What a pattern matches beside files is no problem.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return true,
            Err(error) => {
                self.unreadable(path, &error);
                return true;
            }
        };
        let place = reader.place();
        if let Some(file) = self.files.get_mut(&place) {
            file.is_listed = true;
            self.paths.insert(path.to_owned(), place);
            self.activate(place);
            return true;
        }
        if self.skipped.contains(&place) {
            return true;
        }
        if self.files.len() >= MOST_OPEN {
            self.findings.add(Kind::TooManyFiles, Path::new(""), 1, |_| {
                format!("more than {MOST_OPEN} files match; make the patterns narrower, or delete old files")
            });
            return true;
        }
        let mut generation_ns = 0;
        match self.resume(&mut reader, path) {
            Ok(generation) => generation_ns = generation.unwrap_or(generation_ns),
            Err(error) => {
                self.unreadable(path, &error);
                return true;
            }
        }
        let after = if self.is_first { None } else { self.before(path) };
        self.epochs += 1;
        let mut file =
            Following::new(path.to_owned(), reader, origin, self.epochs, generation_ns, self.looked_ns);
        file.after = after;
        if let Some(real) = &file.real {
            self.paths.insert(real.clone(), place);
        }
        self.paths.insert(path.to_owned(), place);
        self.files.insert(place, file);
        self.activate(place);
        true
    }

    /// The file that had this path before: rotated, and perhaps not read to its end.
    fn before(&self, path: &Path) -> Option<Place> {
        // Its writer may go on with it after this one was made, so it counts also when nothing of it waits now.
        let had = self.files.values().filter(|file| file.path == path);
        had.max_by_key(|file| file.epoch).map(Following::place)
    }

    /// Goes to where a file was left, if it is known. Gives its generation.
    fn resume(&mut self, reader: &mut Reader, path: &Path) -> io::Result<Option<u64>> {
        let Some(checkpoint) = self.known.take(reader.place()) else {
            if let Some(offset) = self.known.copied(reader, path)? {
                reader.go_to(offset)?;
            } else if !self.has_looked && self.settings.starts_at_end {
                reader.go_to(reader.size()?)?;
            }
            return Ok(None);
        };
        match reader.resume(&checkpoint.identity)? {
            Opened::Known => Ok(Some(checkpoint.generation_ns)),
            Opened::Rewritten => {
                self.findings.add(Kind::Rewritten, path, 1, |count| {
                    format!("{} was truncated or written anew {count} times, once while plainsight did not run; it is read from its beginning", path.display())
                });
                Ok(Some(crate::signal::WallTime::now().as_unix_nanos()))
            }
            Opened::Reused | Opened::New => {
                self.findings.add(Kind::InodeReused, path, 1, |count| {
                    format!("{} has the inode of a file that is gone ({count} times); it is read from its beginning", path.display())
                });
                Ok(None)
            }
        }
    }

    pub(super) fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.findings.add(Kind::Unreadable, path, 1, |_| {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => "; let plainsight run as root, or make it readable",
                _ if error.raw_os_error() == Some(24) => "; raise the limit of open files (LimitNOFILE)",
                _ => "",
            };
            format!("{} cannot be read: {error}{remedy}", path.display())
        });
    }

    /// Puts a file into the queue of those that have something to read.
    pub(super) fn activate(&mut self, place: Place) {
        if let Some(file) = self.files.get_mut(&place)
            && !file.is_queued
            && file.held.is_none()
            && file.pause_until.is_none_or(|until| until <= Instant::now())
        {
            file.pause_until = None;
            file.is_queued = true;
            self.queue.push_back(place);
        }
    }

    /// Lets the next file be read for a slice. Nothing if no file has anything.
    pub(super) fn turn(
        &mut self,
        buffer: &mut [u8],
        now_ns: u64,
        collector: &mut Collector,
    ) -> Option<usize> {
        let place = self.queue.pop_front()?;
        let Some(file) = self.files.get(&place) else { return Some(0) };
        if file.after.is_some_and(|before| self.files.get(&before).is_some_and(|before| before.is_queued)) {
            self.queue.push_back(place);
            return Some(0);
        }
        let Some(file) = self.files.get_mut(&place) else { return Some(0) };
        file.is_queued = false;
        if file.is_fresh {
            match self.judge(place) {
                Judgement::Read => {}
                Judgement::Wait => return Some(0),
                Judgement::Skip => {
                    self.drop_file(place, false);
                    return Some(0);
                }
            }
        }
        let file = self.files.get_mut(&place)?;
        match file.reader.read(buffer) {
            Ok(Step::Bytes(bytes)) => {
                let length = bytes.len();
                let offset = file.reader.offset() - length as u64;
                file.is_fresh = false;
                file.after = None;
                file.maker.feed(bytes, offset, now_ns, &mut collector.of(&file.source));
                file.size = file.size.max(file.reader.offset());
                file.grown = Instant::now();
                file.is_queued = true;
                self.queue.push_back(place);
                if !file.is_touched {
                    file.is_touched = true;
                    self.touched.push(place);
                }
                if file.maker.safe_offset() < file.reader.offset() {
                    self.partial.insert(place);
                }
                self.read_bytes += length as u64;
                Some(length)
            }
            Ok(Step::End) => {
                file.size = file.reader.offset();
                file.read_modified_ns = file.seen_modified_ns;
                file.sizes.note(now_ns, file.size);
                file.sizes.arrived(file.acknowledged);
                Some(0)
            }
            Ok(Step::Rewritten(had)) => {
                let lost = file.size.saturating_sub(had);
                let path = file.path.clone();
                let (counts, told) = file.take_counts();
                self.lines += counts.lines - told.lines;
                self.records += counts.records - told.records;
                self.epochs += 1;
                let oldest = file.restart(self.epochs, now_ns, had);
                if let Some(mut orphan) = oldest {
                    orphan.maker.finish(now_ns, &mut collector.of(&orphan.source));
                }
                if !file.orphans.is_empty() {
                    self.partial.insert(place);
                }
                self.activate(place);
                self.tell_rewritten(&path, lost);
                Some(0)
            }
            Err(error) => {
                file.pause_until = Some(Instant::now() + PAUSE);
                let path = file.path.clone();
                self.unreadable(&path, &error);
                Some(0)
            }
        }
    }

    fn tell_rewritten(&mut self, path: &Path, lost: u64) {
        if lost > 0 {
            self.findings.add(Kind::TruncatedEarly, path, lost, |count| {
                format!(
                    "{count} bytes of {} were gone before they were read: it was truncated too early; let logrotate \
                     rename instead of copytruncate, or include the copies in the pattern",
                    path.display()
                )
            });
        } else {
            self.findings.add(Kind::Rewritten, path, 1, |count| {
                format!("{} was truncated or written anew {count} times, after all that was seen of it had been read", path.display())
            });
        }
    }

    /// What files have that waited long enough for its end.
    pub(super) fn expire(&mut self, now_ns: u64, collector: &mut Collector) {
        let waiting: Vec<Place> = self.partial.iter().copied().collect();
        for place in waiting {
            let Some(file) = self.files.get_mut(&place) else {
                self.partial.remove(&place);
                continue;
            };
            file.maker.expire(now_ns, &mut collector.of(&file.source));
            if file.is_removed && file.grown.elapsed() > REMOVED_QUIET {
                file.maker.finish(now_ns, &mut collector.of(&file.source));
            }
            if file.maker.safe_offset() > file.dispatched && !file.is_touched {
                file.is_touched = true;
                self.touched.push(place);
            }
            while file.orphans.front().is_some_and(|orphan| orphan.since.elapsed() >= ORPHAN_WAITS) {
                if let Some(mut orphan) = file.orphans.pop_front() {
                    orphan.maker.finish(now_ns, &mut collector.of(&orphan.source));
                }
            }
            if file.maker.safe_offset() >= file.reader.offset() && file.orphans.is_empty() {
                self.partial.remove(&place);
            }
        }
        let waiting: Vec<Place> = self.held.iter().copied().collect();
        for place in waiting {
            self.reconsider(place);
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.partial.is_empty() || !self.held.is_empty()
    }

    pub(super) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// What the next shipment completes; called when everything that was made of files is in it.
    pub(super) fn extents(&mut self) -> Vec<Extent> {
        let mut extents = Vec::new();
        for place in std::mem::take(&mut self.touched) {
            let Some(file) = self.files.get_mut(&place) else { continue };
            file.is_touched = false;
            extents.extend(file.extent());
            let (counts, told) = file.take_counts();
            self.lines += counts.lines - told.lines;
            self.records += counts.records - told.records;
            let path = &file.path;
            let findings = &mut self.findings;
            let mut tell = |kind, now: u64, before: u64, what: &str| {
                if now > before {
                    findings.add(kind, path, now - before, |count| {
                        format!("{count} {what}", what = what.replace("{}", &path.display().to_string()))
                    });
                }
            };
            tell(Kind::Cut, counts.cut, told.cut, "records of {} were cut at the bound; raise line_bytes");
            tell(
                Kind::Unparsable,
                counts.unparsable,
                told.unparsable,
                "records of {} did not match `parse` and keep their text as body; try `plainsight logs preview`",
            );
            tell(
                Kind::Repaired,
                counts.repaired,
                told.repaired,
                "records of {} had bytes that are not of its encoding; set `encoding`",
            );
        }
        extents
    }

    /// Takes note of what has arrived. Gives what checkpoints shall say.
    pub(super) fn acknowledge(&mut self, extents: Vec<Extent>, now_ns: u64) -> Vec<Checkpoint> {
        let mut checkpoints = Vec::new();
        for extent in extents {
            let Some(file) = self.files.get_mut(&extent.place) else { continue };
            if file.epoch != extent.epoch {
                continue;
            }
            self.acknowledged_bytes += extent.offset.saturating_sub(file.acknowledged);
            file.acknowledged = file.acknowledged.max(extent.offset);
            file.sizes.arrived(file.acknowledged);
            if let Some(identity) = extent.identity {
                checkpoints.push(Checkpoint {
                    identity,
                    generation_ns: file.generation_ns,
                    seen_s: now_ns / 1_000_000_000,
                    path: file.path.clone(),
                });
            }
        }
        checkpoints
    }

    /// Looks after files that the last look did not find at any path.
    pub(super) fn tend_unlisted(&mut self, at_ns: u64) {
        let unlisted: Vec<Place> =
            self.files.iter().filter(|(_, file)| !file.is_listed).map(|(&place, _)| place).collect();
        let mut incomplete: HashMap<PathBuf, u64> = HashMap::new();
        for place in unlisted {
            let Some(file) = self.files.get_mut(&place) else { continue };
            let Ok(metadata) = file.reader.metadata() else { continue };
            file.is_removed = metadata.nlink() == 0;
            file.size = file.size.max(metadata.size());
            file.seen_modified_ns = modified_ns(&metadata);
            let is_read =
                metadata.size() == file.reader.offset() && file.read_modified_ns == file.seen_modified_ns;
            if is_read {
                file.sizes.note(at_ns, file.size);
                file.sizes.arrived(file.acknowledged);
            }
            let (is_removed, quiet) = (file.is_removed, file.grown.elapsed());
            if !file.is_complete() {
                *incomplete.entry(file.path.clone()).or_default() += 1;
            }
            if !is_read {
                self.activate(place);
            } else if file.is_complete() && quiet > if is_removed { REMOVED_QUIET } else { UNLISTED_QUIET } {
                self.drop_file(place, is_removed);
            }
        }
        let faster = incomplete.into_iter().filter(|(_, count)| *count >= 4).map(|(path, count)| {
            let sentence = format!(
                "{count} rotated files of {} wait to be read: they are written faster than they are sent; see whether the \
                 destination is slow, and raise `bytes_per_second` if it is set",
                path.display()
            );
            (path.display().to_string(), sentence)
        });
        self.findings.set(Kind::RotatedFaster, faster);
    }

    /// Follows a file no longer. What is forgotten is not looked for after a restart.
    pub(super) fn drop_file(&mut self, place: Place, is_forgotten: bool) {
        self.partial.remove(&place);
        self.held.remove(&place);
        let Some(file) = self.files.remove(&place) else { return };
        for path in std::iter::once(&file.path).chain(&file.real) {
            if self.paths.get(path) == Some(&place) {
                self.paths.remove(path);
            }
        }
        if is_forgotten {
            self.forgotten.push(place);
        } else if let Ok(Some(identity)) = file.reader.identity_at(file.acknowledged) {
            // It may come back under a name that matches.
            let generation_ns = file.generation_ns;
            self.known.add(Checkpoint { identity, generation_ns, seen_s: 0, path: file.path });
        }
    }

    /// Every line written before this time has arrived, in nanoseconds since 1970.
    pub(super) fn watermark_ns(&self) -> Option<u64> {
        let of_files = self.files.values().map(Following::watermark_ns).min();
        let watermark = of_files.map_or(self.looked_ns, |of_files| of_files.min(self.looked_ns));
        (watermark > 0).then_some(watermark)
    }

    /// Bytes that were not acknowledged, and the files that have most of them.
    pub(super) fn behind(&self) -> (u64, Vec<FileStatus>) {
        let lag = |file: &Following| file.size.saturating_sub(file.acknowledged);
        let mut files: Vec<&Following> = self.files.values().collect();
        let sum = files.iter().map(|file| lag(file)).sum();
        if files.len() > MOST_FILES {
            files.select_nth_unstable_by_key(MOST_FILES, |file| std::cmp::Reverse(lag(file)));
            files.truncate(MOST_FILES);
        }
        files.sort_by(|left, right| lag(right).cmp(&lag(left)).then_with(|| left.path.cmp(&right.path)));
        let status = |file: &Following| FileStatus {
            path: file.path.clone(),
            size_bytes: file.size,
            read_offset: file.reader.offset(),
            acknowledged_offset: file.acknowledged,
            lines: file.maker.counts().lines,
            watermark_ns: file.watermark_ns(),
            is_removed: file.is_removed,
        };
        (sum, files.into_iter().map(status).collect())
    }
}
