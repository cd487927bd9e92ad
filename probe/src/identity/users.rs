//! Names of users, from the host's `/etc/passwd`.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// How long a file is believed not to have changed.
const CHECK: Duration = Duration::from_secs(10);

/// Most of a file that is read, and most users of it that are kept.
const FILE_BYTES: u64 = 4 << 20;
const USERS: usize = 10_000;

/// The users of the host. They are read again when the file has changed.
#[derive(Debug)]
pub(super) struct Users {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<u32, Arc<str>>,
    modified: Option<SystemTime>,
    checked: Option<Instant>,
}

impl Users {
    pub(super) fn below(host_root: &Path) -> Self {
        Self { path: host_root.join("etc/passwd"), known: Mutex::default() }
    }

    /// The name of a user, if the file has one. Of several the first counts, as in the C library.
    pub(super) fn name(&self, id: u32) -> Option<Arc<str>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.checked.is_none_or(|checked| checked.elapsed() >= CHECK) {
            known.checked = Some(Instant::now());
            let modified = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
            if modified != known.modified || modified.is_none() {
                known.names = read(&self.path);
                known.modified = modified;
            }
        }
        known.names.get(&id).cloned()
    }
}

/// Lines `NAME:PASSWORD:UID:…` (passwd(5)).
fn read(path: &Path) -> HashMap<u32, Arc<str>> {
    let mut names = HashMap::new();
    let Ok(file) = File::open(path) else { return names };
    for line in BufReader::new(file.take(FILE_BYTES)).split(b'\n').map_while(Result::ok) {
        let mut fields = line.split(|&byte| byte == b':');
        let (Some(name), Some(id)) = (fields.next(), fields.nth(1)) else { continue };
        let Some(id) = str::from_utf8(id).ok().and_then(|id| id.parse().ok()) else { continue };
        if names.len() < USERS && !name.is_empty() {
            names.entry(id).or_insert_with(|| String::from_utf8_lossy(name).into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_by_the_first_line_that_has_their_id() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("etc")).expect("a folder");
        let lines = "root:x:0:0::/root:/bin/sh\n+nis\nweb:x:33:33:a:b:c\nother:x:33:1:::\n:x:5::\nbad:x:y:\n";
        std::fs::write(root.path().join("etc/passwd"), lines).expect("a file");
        let users = Users::below(root.path());
        let name = |id| users.name(id).map(|name| name.to_string());
        assert_eq!((name(0), name(33)), (Some("root".to_owned()), Some("web".to_owned())));
        assert_eq!((name(5), name(7)), (None, None));
    }

    #[test]
    fn a_host_without_the_file_names_nobody() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(Users::below(root.path()).name(0), None);
    }

    #[test]
    fn no_more_users_are_kept_than_the_bound() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("passwd");
        let lines: String = (0..USERS + 10).map(|id| format!("u{id}:x:{id}:\n")).collect();
        std::fs::write(&path, lines).expect("a file");
        assert_eq!(read(&path).len(), USERS);
    }
}
