//! Hearing of changes as they happen.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Bytes of events that are read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file was written to.
    Written(PathBuf),
    /// A file or folder appeared under this name.
    Appeared(PathBuf),
    /// It has this name no longer, and another one in a folder that is watched if that follows.
    Left {
        /// The name.
        path: PathBuf,
        /// What connects it to the name that it got.
        cookie: u32,
    },
    /// It got this name, and had another one before.
    Arrived {
        /// The name.
        path: PathBuf,
        /// What connects it to the name that it had.
        cookie: u32,
    },
    /// The name is gone.
    Removed(PathBuf),
    /// Something was missed: look at everything.
    Missed,
}

/// Folders that are watched.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
    folders: HashMap<i32, PathBuf>,
    numbers: HashMap<PathBuf, i32>,
    /// Folders of which only writes are heard, and what they are called in what is told.
    through: HashMap<i32, (PathBuf, PathBuf)>,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// If the system has no more to give (`fs.inotify.max_user_instances`).
    pub fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify, folders: HashMap::new(), numbers: HashMap::new(), through: HashMap::new() })
    }

    /// Watches these folders and no others. Tells whether one was added, in which something may have happened before, and the first
    /// that could not be.
    pub fn set(&mut self, folders: &[PathBuf]) -> (bool, Option<(PathBuf, io::Error)>) {
        let wanted: std::collections::HashSet<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let gone: Vec<PathBuf> =
            self.numbers.keys().filter(|path| !wanted.contains(path.as_path())).cloned().collect();
        for path in gone {
            if let Some(number) = self.numbers.remove(&path)
                && self.folders.get(&number) == Some(&path)
            {
                self.folders.remove(&number);
                // It may have ended with its folder.
                let _ = inotify::remove_watch(&self.inotify, number);
            }
        }
        let (mut is_added, mut failed) = (false, None);
        for path in folders.iter().filter(|path| !self.numbers.contains_key(*path)).collect::<Vec<_>>() {
            let flags = WatchFlags::MODIFY
                | WatchFlags::CREATE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            match inotify::add_watch(&self.inotify, path, flags) {
                Ok(number) => {
                    is_added = true;
                    self.folders.insert(number, path.clone());
                    self.numbers.insert(path.clone(), number);
                }
                // A folder that is not there yet is watched from above, or found by looking.
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => {}
                Err(error) => {
                    failed.get_or_insert((path.clone(), error.into()));
                }
            }
        }
        (is_added, failed)
    }

    /// Hears of writes through these folders and no others, as if they happened in the folders beside them: what is written
    /// to an overlay is not heard in the folder that holds it. A folder that cannot be watched so is looked at, as all are.
    pub fn set_through(&mut self, folders: &[(PathBuf, PathBuf)]) {
        let wanted: std::collections::HashSet<&(PathBuf, PathBuf)> = folders.iter().collect();
        let (inotify, watched) = (&self.inotify, &self.folders);
        self.through.retain(|number, pair| {
            let is_wanted = wanted.contains(pair);
            if !is_wanted && !watched.contains_key(number) {
                // It may have ended with its folder.
                let _ = inotify::remove_watch(inotify, *number);
            }
            is_wanted
        });
        let known: std::collections::HashSet<(PathBuf, PathBuf)> = self.through.values().cloned().collect();
        for pair in folders.iter().filter(|pair| !known.contains(*pair)) {
            let flags = WatchFlags::MODIFY | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD;
            if let Ok(number) = inotify::add_watch(&self.inotify, &pair.0, flags) {
                self.through.insert(number, pair.clone());
            }
        }
    }

    /// What happened since it was last asked, in order; never waits.
    pub fn take(&mut self, each: &mut impl FnMut(Change)) {
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER_BYTES];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            };
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                each(Change::Missed);
                continue;
            }
            if flags.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
                self.through.remove(&event.wd());
                if let Some(path) = self.folders.remove(&event.wd()) {
                    self.numbers.remove(&path);
                    if !flags.contains(ReadFlags::IGNORED) {
                        let _ = inotify::remove_watch(&self.inotify, event.wd());
                    }
                }
                each(Change::Missed);
                continue;
            }
            let folder = self.folders.get(&event.wd());
            let folder = folder.or_else(|| self.through.get(&event.wd()).map(|(_, called)| called));
            let (Some(folder), Some(name)) = (folder, event.file_name()) else {
                continue;
            };
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            let cookie = event.cookie();
            each(if flags.contains(ReadFlags::MODIFY) {
                Change::Written(path)
            } else if flags.contains(ReadFlags::CREATE) {
                Change::Appeared(path)
            } else if flags.contains(ReadFlags::MOVED_FROM) {
                Change::Left { path, cookie }
            } else if flags.contains(ReadFlags::MOVED_TO) {
                Change::Arrived { path, cookie }
            } else {
                Change::Removed(path)
            });
        }
    }
}

/// Ready to read when something happened.
impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
