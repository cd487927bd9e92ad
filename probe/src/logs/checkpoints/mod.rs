//! How far each file came, kept where no crash loses it.
//!
//! One embedded database for all pipelines: whatever was committed is there after the process was killed or the power failed, and
//! nothing else is. What cannot be read any more is set aside and said; then files are read again from their beginnings,
//! for a line that comes twice is better than one that never does.

mod entry;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use thiserror::Error;

pub use entry::Checkpoint;

use super::files::{HashKey, Place};

/// By pipeline, device and inode.
const FILES: TableDefinition<'_, (&str, u64, u64), &[u8]> = TableDefinition::new("files");

/// What there is one of: the key of hashes.
const ONCE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("once");

/// The name of the database in its folder.
const NAME: &str = "logs.redb";

/// Memory for pages of the database. Entries are small; 10,000 of them fit.
const CACHE_BYTES: usize = 4 << 20;

/// Why checkpoints cannot be kept.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The folder cannot be made.
    #[error("cannot make the folder {} for checkpoints: {error}; make it, or name another as daemon.state", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another process; end that, or name another folder as daemon.state", .path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It cannot be opened for another reason than its content.
    #[error("cannot open {}: {reason}; make it readable and writable, or name another folder as daemon.state", .path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write checkpoints to {}: {reason}; until that works, a restart reads again what was sent since", .path.display())]
    Write {
        /// The database.
        path: PathBuf,
        /// What was said.
        reason: String,
    },
}

/// The checkpoints of all pipelines. Clones share them.
#[derive(Clone)]
pub struct Checkpoints {
    /// Nothing after it failed: then it has to be opened again.
    database: Arc<Mutex<Option<Database>>>,
    path: PathBuf,
    key: HashKey,
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Checkpoints").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Checkpoints {
    /// Opens those of a folder, or makes them. The sentence says what could not be read and was set aside.
    ///
    /// # Errors
    /// If they cannot be kept there.
    pub fn open(folder: &Path) -> Result<(Self, Option<String>), CheckpointError> {
        fs::create_dir_all(folder)
            .map_err(|error| CheckpointError::Folder { path: folder.to_owned(), error })?;
        let path = folder.join(NAME);
        let reason = match Self::open_sound(&path) {
            Ok(checkpoints) => return Ok((checkpoints, None)),
            Err(Refusal::Other(error)) => return Err(error),
            Err(Refusal::Damaged(reason)) => reason,
        };
        let aside = folder.join(format!("{NAME}.damaged"));
        fs::rename(&path, &aside).map_err(|error| CheckpointError::Open {
            path: path.clone(),
            reason: format!("{reason}; it cannot be set aside either: {error}"),
        })?;
        let sentence = format!(
            "the checkpoints of log files were damaged ({reason}) and set aside as {}; files are read again from their \
             beginning, so lines may arrive twice",
            aside.display()
        );
        match Self::open_sound(&path) {
            Ok(checkpoints) => Ok((checkpoints, Some(sentence))),
            Err(Refusal::Other(error)) => Err(error),
            Err(Refusal::Damaged(reason)) => Err(CheckpointError::Open { path, reason }),
        }
    }

    /// Opens and reads everything, so that what is damaged is known now and not at some later time.
    fn open_sound(path: &Path) -> Result<Self, Refusal> {
        let damaged = |error: &dyn std::fmt::Display| Refusal::Damaged(error.to_string());
        // A damaged file may break assumptions that the library asserts.
        let opened = catch_unwind(AssertUnwindSafe(|| -> Result<Self, Refusal> {
            let database = database(path).map_err(|error| refusal(path, error))?;
            let write = database.begin_write().map_err(|error| damaged(&error))?;
            let key = {
                let files = write.open_table(FILES).map_err(|error| damaged(&error))?;
                for entry in files.iter().map_err(|error| damaged(&error))? {
                    let (_, value) = entry.map_err(|error| damaged(&error))?;
                    if Checkpoint::decode(value.value()).is_none() {
                        return Err(Refusal::Damaged("an entry cannot be read".to_owned()));
                    }
                }
                let mut once = write.open_table(ONCE).map_err(|error| damaged(&error))?;
                let held =
                    once.get("key").map_err(|error| damaged(&error))?.map(|held| held.value().to_vec());
                match held {
                    Some(held) => HashKey(
                        held.try_into().map_err(|_| Refusal::Damaged("its key cannot be read".to_owned()))?,
                    ),
                    None => {
                        let key = HashKey::random().map_err(|error| open_error(path, &error))?;
                        once.insert("key", key.0.as_slice()).map_err(|error| damaged(&error))?;
                        key
                    }
                }
            };
            write.commit().map_err(|error| open_error(path, &error))?;
            Ok(Self { database: Arc::new(Mutex::new(Some(database))), path: path.to_owned(), key })
        }));
        opened.unwrap_or_else(|_| Err(Refusal::Damaged("it contradicts itself".to_owned())))
    }

    /// What hashes are made with.
    #[must_use]
    pub const fn key(&self) -> HashKey {
        self.key
    }

    /// All of one pipeline.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn of_pipeline(&self, pipeline: &str) -> Result<Vec<Checkpoint>, CheckpointError> {
        let failed = |error: &dyn std::fmt::Display| CheckpointError::Open {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or_else(|| failed(&"it is closed"))?;
        let read = database.begin_read().map_err(|error| failed(&error))?;
        let files = read.open_table(FILES).map_err(|error| failed(&error))?;
        let range = (pipeline, 0, 0)..=(pipeline, u64::MAX, u64::MAX);
        let mut found = Vec::new();
        for entry in files.range(range).map_err(|error| failed(&error))? {
            let (_, value) = entry.map_err(|error| failed(&error))?;
            found.extend(Checkpoint::decode(value.value()));
        }
        Ok(found)
    }

    /// Keeps these, and forgets those. When it returns, that is on the disk.
    ///
    /// # Errors
    /// If it cannot be written: then nothing has changed.
    pub fn commit(
        &self,
        pipeline: &str,
        kept: &[Checkpoint],
        forgotten: &[Place],
    ) -> Result<(), CheckpointError> {
        let failed = |error: &dyn std::fmt::Display| CheckpointError::Write {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let mut held = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(database(&self.path).map_err(|error| failed(&error))?);
        }
        let Some(database) = held.as_ref() else { return Err(failed(&"it is closed")) };
        let written = Self::write(database, pipeline, kept, forgotten);
        if written.is_err() {
            // After a failure of the disk it takes nothing more until it is opened anew.
            *held = None;
        }
        written.map_err(|error| failed(&error))
    }

    fn write(
        database: &Database,
        pipeline: &str,
        kept: &[Checkpoint],
        forgotten: &[Place],
    ) -> Result<(), redb::Error> {
        let write = database.begin_write()?;
        {
            let mut files = write.open_table(FILES)?;
            for place in forgotten {
                files.remove((pipeline, place.device, place.inode))?;
            }
            for checkpoint in kept {
                let Place { device, inode } = checkpoint.identity.place;
                let bytes = checkpoint.encode();
                files.insert((pipeline, device, inode), bytes.as_slice())?;
            }
        }
        write.commit()?;
        Ok(())
    }
}

/// Opens a database, or makes it.
fn database(path: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(path)
}

/// Why a database was not opened.
enum Refusal {
    /// What is in it makes no sense.
    Damaged(String),
    /// Anything else, which its content is not to blame for.
    Other(CheckpointError),
}

fn open_error(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::Other(CheckpointError::Open { path: path.to_owned(), reason: error.to_string() })
}

fn refusal(path: &Path, error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::DatabaseAlreadyOpen => {
            Refusal::Other(CheckpointError::InUse { path: path.to_owned() })
        }
        DatabaseError::Storage(redb::StorageError::Io(error))
            if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            open_error(path, &error)
        }
        error => Refusal::Damaged(error.to_string()),
    }
}
