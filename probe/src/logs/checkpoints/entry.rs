//! One file's checkpoint as bytes.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use crate::logs::files::{Head, Identity, Place, WindowHash};

/// The form of entries; others are not understood.
const VERSION: u8 = 1;

/// Bytes before the path.
pub(super) const FIXED: usize = 1 + 8 + 8 + 8 + 2 + 8 + 8 + 8 + 8 + 8;

/// How far a file came: everything before the offset of its identity was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What the file is known by.
    pub identity: Identity,
    /// When it was last truncated or written anew, in nanoseconds since 1970; 0 if it never was. Its records are named by that, too.
    pub generation_ns: u64,
    /// When it was last seen, in seconds since 1970.
    pub seen_s: u64,
    /// Where it was last seen; for people, and to find copies beside it.
    pub path: PathBuf,
}

impl Checkpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Identity { place, born_ns, head, read } = &self.identity;
        let mut bytes = Vec::with_capacity(FIXED + self.path.as_os_str().len());
        bytes.push(VERSION);
        for number in [place.device, place.inode, *born_ns] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&head.length.to_le_bytes());
        for number in [head.hash, read.offset, read.hash, self.seen_s, self.generation_ns] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(self.path.as_os_str().as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, path) = bytes.split_at_checked(FIXED)?;
        let number = |at: usize| Some(u64::from_le_bytes(fixed.get(at..at + 8)?.try_into().ok()?));
        if fixed.first() != Some(&VERSION) {
            return None;
        }
        let length = u16::from_le_bytes(fixed.get(25..27)?.try_into().ok()?);
        Some(Self {
            identity: Identity {
                place: Place { device: number(1)?, inode: number(9)? },
                born_ns: number(17)?,
                head: Head { length, hash: number(27)? },
                read: WindowHash { offset: number(35)?, hash: number(43)? },
            },
            seen_s: number(51)?,
            generation_ns: number(59)?,
            path: PathBuf::from(OsStr::from_bytes(path)),
        })
    }
}
