//! Checkpoints of files that were not seen since the start.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs, io,
    os::unix::fs::DirEntryExt as _,
    path::{Path, PathBuf},
};

use super::copies::is_named_after;
use crate::logs::{
    checkpoints::Checkpoint,
    files::{HEAD_BYTES, HashKey, Opened, Place, Reader},
};

/// Names in one folder that are looked through for files that were renamed.
const MOST_NAMES: usize = 100_000;

/// By place, and by how the files begin.
pub(super) struct Known {
    by_place: HashMap<Place, Checkpoint>,
    /// Never shrinks: a copy may be found long after the file it was made of.
    by_head: HashMap<(u16, u64), Vec<Checkpoint>>,
    lengths: BTreeSet<u16>,
    key: HashKey,
}

impl Known {
    pub(super) fn new(checkpoints: Vec<Checkpoint>, key: HashKey) -> Self {
        let mut by_head: HashMap<(u16, u64), Vec<Checkpoint>> = HashMap::new();
        let mut lengths = BTreeSet::new();
        // Short files may be alike without being copies.
        for checkpoint in checkpoints.iter().filter(|known| known.identity.head.is_complete()) {
            let head = checkpoint.identity.head;
            lengths.insert(head.length);
            by_head.entry((head.length, head.hash)).or_default().push(checkpoint.clone());
        }
        let by_place = checkpoints.into_iter().map(|known| (known.identity.place, known)).collect();
        Self { by_place, by_head, lengths, key }
    }

    pub(super) fn take(&mut self, place: Place) -> Option<Checkpoint> {
        self.by_place.remove(&place)
    }

    pub(super) fn add(&mut self, checkpoint: Checkpoint) {
        self.by_place.insert(checkpoint.identity.place, checkpoint);
    }

    /// Where a file goes on that was copied from a known one in the same folder.
    pub(super) fn copied(&self, reader: &Reader, path: &Path) -> io::Result<Option<u64>> {
        if self.by_head.is_empty() {
            return Ok(None);
        }
        let mut beginning = [0; HEAD_BYTES];
        let length = reader.peek(&mut beginning)?;
        for &known in self.lengths.iter().rev().filter(|&&known| usize::from(known) <= length) {
            let hash = self.key.hash(beginning.get(..usize::from(known)).unwrap_or_default());
            for checkpoint in self.by_head.get(&(known, hash)).into_iter().flatten() {
                if checkpoint.path.parent() == path.parent()
                    && is_named_after(path, &checkpoint.path)
                    && reader.continues(&checkpoint.identity)?
                {
                    return Ok(Some(checkpoint.identity.read.offset));
                }
            }
        }
        Ok(None)
    }

    /// Where the files are now that were renamed while nobody looked, and which are nowhere.
    pub(super) fn renamed(&self) -> (Vec<PathBuf>, Vec<Place>) {
        let folders: HashSet<&Path> =
            self.by_place.values().filter_map(|known| known.path.parent()).collect();
        let inodes: HashSet<u64> = self.by_place.keys().map(|place| place.inode).collect();
        let mut paths = Vec::new();
        let mut seen = HashSet::new();
        let mut looked_into = HashSet::new();
        for folder in folders {
            // What cannot be looked into now, as before it is mounted, may still have its files.
            let Ok(entries) = fs::read_dir(folder) else { continue };
            looked_into.insert(folder);
            for entry in entries.take(MOST_NAMES).flatten() {
                if inodes.contains(&entry.ino()) {
                    seen.insert(entry.ino());
                    paths.push(entry.path());
                }
            }
        }
        let is_gone = |(place, known): &(&Place, &Checkpoint)| {
            !seen.contains(&place.inode)
                && known.path.parent().is_some_and(|folder| looked_into.contains(folder))
        };
        let gone = self.by_place.iter().filter(is_gone).map(|(&place, _)| place).collect();
        (paths, gone)
    }

    /// Whether the file at a path is a known one, by all that it is known by.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let Ok(mut reader) = Reader::open(path, self.key) else { return false };
        let Some(known) = self.by_place.get(&reader.place()) else { return false };
        reader.resume(&known.identity).is_ok_and(|opened| opened == Opened::Known)
    }
}
