//! What a file that was never read turns out to be.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    follower::Follower,
    following::{Held, begin_within},
};
use crate::logs::{
    files::{Copied, HEAD_BYTES, Place},
    status::Kind,
};

/// A copy that has not grown for so long will not be followed by a truncation any more.
const STILL: Duration = Duration::from_secs(3);

/// A file that may be a copy waits this long at most; then it is read from its beginning.
const LONGEST: Duration = Duration::from_secs(10);

/// What compressed files begin with: gzip (RFC 1952), Zstandard (RFC 8878), bzip2, xz, and LZ4 frames.
const COMPRESSED: [&[u8]; 5] = [
    &[0x1f, 0x8b],
    &[0x28, 0xb5, 0x2f, 0xfd],
    b"BZh",
    &[0xfd, b'7', b'z', b'X', b'Z'],
    &[0x04, 0x22, 0x4d, 0x18],
];

/// What to do with such a file.
pub(super) enum Judgement {
    /// Read on where its reader is.
    Read,
    /// Ask again later.
    Wait,
    /// Do not follow it.
    Skip,
}

/// Whether a file's name begins as the other's does before its first point, as in `app.log`, `app.log.1` and `app-20260102.log`.
pub(super) fn is_named_after(path: &Path, other: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
    let other = name(other);
    let stem = other.split(|&byte| byte == b'.').next().unwrap_or_default();
    name(path).starts_with(stem)
}

impl Follower {
    /// Looks at the beginning of a file of which nothing was read.
    pub(super) fn judge(&mut self, place: Place) -> Judgement {
        let mut beginning = [0; HEAD_BYTES];
        let Some(file) = self.files.get(&place) else { return Judgement::Skip };
        let length = file.reader.peek(&mut beginning).unwrap_or(0);
        let beginning = &beginning[..length];
        if beginning.is_empty() {
            return Judgement::Read;
        }
        if COMPRESSED.iter().any(|magic| beginning.starts_with(magic)) {
            let path = file.path.clone();
            self.skipped.insert(place);
            self.findings.add(Kind::Compressed, &path, 1, |_| {
                format!(
                    "{} is compressed and not read; exclude such files, as in exclude: ['*.gz']",
                    path.display()
                )
            });
            return Judgement::Skip;
        }
        let (copied, of) = self.copy_of(place, beginning);
        match copied {
            Copied::No => self.let_go(place),
            // Copies are followed by a truncation. What is not is another file with the same beginning, or a copy for some other
            // purpose: better twice than never.
            Copied::Perhaps | Copied::Of(_) => self.hold(place),
            Copied::OfPast(offset) => {
                // The copy has the whole line.
                if let Some(sibling) = of.and_then(|of| self.files.get_mut(&of)) {
                    sibling.orphans.retain(|orphan| orphan.offset != offset);
                }
                self.go_on_from(place, offset)
            }
        }
    }

    /// Whether a file beside it was copied, and which.
    fn copy_of(&self, place: Place, beginning: &[u8]) -> (Copied, Option<Place>) {
        let Some(file) = self.files.get(&place) else { return (Copied::No, None) };
        let folder = file.path.parent();
        let mut found = Copied::No;
        for (other, sibling) in &self.files {
            if *other == place || sibling.is_fresh || sibling.path.parent() != folder {
                continue;
            }
            if !is_named_after(&file.path, &sibling.path) {
                continue;
            }
            if !sibling.reader.may_be_copied_by(beginning) {
                continue;
            }
            match sibling.reader.is_copied_by(&file.reader) {
                Ok(Copied::Perhaps) => found = Copied::Perhaps,
                // A file that cannot be read now is read from its beginning later: twice is better than never.
                Ok(Copied::No) | Err(_) => {}
                Ok(copied) => return (copied, Some(*other)),
            }
        }
        (found, None)
    }

    fn hold(&mut self, place: Place) -> Judgement {
        let Some(file) = self.files.get_mut(&place) else { return Judgement::Skip };
        let size = file.reader.size().unwrap_or(0);
        let now = Instant::now();
        let held = file.held.get_or_insert(Held { since: now, size, unchanged: now });
        if held.size != size {
            (held.size, held.unchanged) = (size, now);
        }
        if held.since.elapsed() >= LONGEST || held.unchanged.elapsed() >= STILL {
            return self.let_go(place);
        }
        self.held.insert(place);
        Judgement::Wait
    }

    /// It is read from its beginning.
    fn let_go(&mut self, place: Place) -> Judgement {
        self.held.remove(&place);
        if let Some(file) = self.files.get_mut(&place) {
            file.held = None;
        }
        Judgement::Read
    }

    fn go_on_from(&mut self, place: Place, offset: u64) -> Judgement {
        self.held.remove(&place);
        let Some(file) = self.files.get_mut(&place) else { return Judgement::Skip };
        file.held = None;
        if file.reader.go_to(offset).is_err() {
            return Judgement::Read;
        }
        begin_within(&mut file.maker, &file.reader);
        file.dispatched = offset;
        file.acknowledged = offset;
        file.size = file.size.max(offset);
        file.is_fresh = false;
        Judgement::Read
    }

    /// Asks again about a file that waits.
    pub(super) fn reconsider(&mut self, place: Place) {
        let Some(file) = self.files.get_mut(&place) else {
            self.held.remove(&place);
            return;
        };
        // Its turn judges it again.
        let held = file.held.take();
        self.activate(place);
        if let Some(file) = self.files.get_mut(&place) {
            file.held = held;
        }
    }

    /// Paths of the folders that links lead to.
    pub(super) fn real_folders(&self) -> impl Iterator<Item = PathBuf> {
        self.files.values().filter_map(|file| Some(file.real.as_ref()?.parent()?.to_owned()))
    }
}
