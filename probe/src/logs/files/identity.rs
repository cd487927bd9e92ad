//! What a file is known by.

use std::{
    fs::{File, Metadata},
    hash::Hasher,
    io,
    os::unix::fs::{FileExt, MetadataExt},
    time::UNIX_EPOCH,
};

use siphasher::sip::SipHasher24;

use crate::signal::fill_random;

/// Bytes at the beginning of a file that it is known by, once it has so many.
pub(in crate::logs) const HEAD_BYTES: usize = 1024;

/// Bytes before an offset that tell whether they are still those that were read.
pub(super) const WINDOW_BYTES: usize = 256;

/// The secret that hashes are made with: without it they say nothing about what is in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey(pub [u8; 16]);

impl HashKey {
    /// A new one, from the system's source of randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> io::Result<Self> {
        let mut key = [0; 16];
        fill_random(&mut key)?;
        Ok(Self(key))
    }

    /// The hash of these bytes.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// Not shown: it protects what hashes stand for.
impl std::fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HashKey(…)")
    }
}

/// Where the file system keeps a file: as long as it is open, no other file has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
}

impl Place {
    /// Where the file is that these data are of.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The first bytes of a file, as a hash. Grows with the file up to 1,024 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Bytes that were hashed.
    pub length: u16,
    /// Their hash.
    pub hash: u64,
}

impl Head {
    /// Of bytes that a file begins with.
    #[must_use]
    pub fn of(bytes: &[u8], key: &HashKey) -> Self {
        let bytes = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
        Self { length: bytes.len() as u16, hash: key.hash(bytes) }
    }

    /// Whether it has grown as far as it can.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.length as usize >= HEAD_BYTES
    }

    /// Whether a file begins with these bytes.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn matches(&self, file: &File, key: &HashKey) -> io::Result<bool> {
        let mut bytes = [0; HEAD_BYTES];
        let bytes = &mut bytes[..usize::from(self.length).min(HEAD_BYTES)];
        Ok(read_full(file, bytes, 0)? == bytes.len() && key.hash(bytes) == self.hash)
    }
}

/// The bytes just before an offset, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowHash {
    /// The offset.
    pub offset: u64,
    /// The hash of up to 256 bytes before it.
    pub hash: u64,
}

impl WindowHash {
    /// Of what a file has before that offset; nothing if it is shorter.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(file: &File, offset: u64, key: &HashKey) -> io::Result<Option<Self>> {
        let mut bytes = [0; WINDOW_BYTES];
        let length = (WINDOW_BYTES as u64).min(offset);
        let bytes = &mut bytes[..length as usize];
        let is_whole = read_full(file, bytes, offset - length)? == bytes.len();
        Ok(is_whole.then(|| Self { offset, hash: key.hash(bytes) }))
    }

    /// Whether a file has the same bytes there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn matches(&self, file: &File, key: &HashKey) -> io::Result<bool> {
        Ok(Self::read(file, self.offset, key)? == Some(*self))
    }
}

/// What a file is known by, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Where the file system keeps it.
    pub place: Place,
    /// When the file system made it, in nanoseconds since 1970; 0 where it does not say. It tells a new file from the one that had
    /// its inode before, also when both begin alike.
    pub born_ns: u64,
    /// How it begins.
    pub head: Head,
    /// What stands before the offset up to which it was dealt with.
    pub read: WindowHash,
}

/// When a file was made, in nanoseconds since 1970; 0 where the file system does not say.
pub(in crate::logs) fn born_ns(metadata: &Metadata) -> u64 {
    let since = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}

/// Reads until the buffer is full or the file ends.
pub(in crate::logs) fn read_full(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// When a file was last written to, in nanoseconds since 1970.
#[must_use]
pub fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}
