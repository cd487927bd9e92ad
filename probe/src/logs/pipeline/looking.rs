//! Looking for files, and hearing of changes.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use super::follower::Follower;
use crate::logs::{discover::Change, files::Place, status::Kind};

/// Names that changed while the events about them were read.
#[derive(Default)]
struct Moves {
    /// Files that are followed and lost their name.
    followed: HashMap<u32, Place>,
    /// Files that matched, were not opened in time, and lost their name.
    unopened: HashSet<u32>,
    /// Names of such files now.
    wanted: HashSet<PathBuf>,
}

impl Follower {
    /// Looks at everything. Gives whether it should be done again at once.
    pub(super) fn look(&mut self, now_ns: u64) -> bool {
        let Some(look) = self.origins.look() else { return true };
        let walk = look.walk;
        let mut folders = walk.folders;
        folders.extend(self.real_folders());
        folders.sort_unstable();
        folders.dedup();
        let mut again = look.is_waiting;
        if let Some(watch) = &mut self.watch {
            let (is_added, failed) = watch.set(&folders);
            watch.set_through(&look.through);
            again |= is_added;
            let said = failed.map(|(path, error)| {
                let path = path.display();
                let sentence = format!(
                    "changes in {path} are not heard of, only looked for: {error}; raise fs.inotify.max_user_watches"
                );
                (path.to_string(), sentence)
            });
            self.findings.set(Kind::NotWatched, said.into_iter());
        }
        for file in self.files.values_mut() {
            file.is_listed = false;
        }
        let mut places = HashSet::with_capacity(walk.files.len());
        for found in &walk.files {
            places.insert(found.place);
            let Some(file) = self.files.get_mut(&found.place) else {
                self.admit(&found.path);
                continue;
            };
            file.is_listed = true;
            file.is_removed = false;
            file.size = file.size.max(found.size);
            file.seen_modified_ns = found.modified_ns;
            if found.size == file.reader.offset() && file.read_modified_ns == found.modified_ns {
                file.sizes.note(now_ns, found.size);
                file.sizes.arrived(file.acknowledged);
            } else {
                self.activate(found.place);
            }
            if self.paths.get(&found.path) != Some(&found.place) {
                self.paths.insert(found.path.clone(), found.place);
            }
        }
        self.has_looked = true;
        self.skipped.retain(|place| places.contains(place));
        if self.paths.len() > 2 * self.files.len() + 64 {
            let files = &self.files;
            self.paths.retain(|_, place| files.contains_key(place));
        }
        if self.is_first {
            self.find_renamed();
        }
        self.tend_unlisted(now_ns);
        let nothing = walk.without_files.into_iter().map(|pattern| {
            let sentence =
                format!("no file matches {pattern}; correct the pattern, or wait for the files to be made");
            (pattern, sentence)
        });
        self.findings.set(Kind::WithoutFiles, nothing);
        self.findings.set(Kind::Containers, look.said.into_iter());
        for (path, error) in &walk.problems {
            self.unreadable(path, error);
        }
        if walk.is_incomplete {
            self.findings.add(Kind::TooManyFiles, Path::new(""), 0, |_| {
                "more files match than are followed; make the patterns narrower, or delete old files"
                    .to_owned()
            });
        }
        let (is_disturbed, _) = self.hear();
        if !is_disturbed && !again {
            self.looked_ns = self.looked_ns.max(now_ns.min(look.until_ns));
            self.is_first = false;
        }
        again || is_disturbed
    }

    /// Files that were renamed while no process followed them.
    fn find_renamed(&mut self) {
        let (paths, gone) = self.known.renamed();
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let place = Place::of(&metadata);
            // Only what is surely the same: everything else there was not asked for.
            if self.known.is_at(&path) && !self.files.contains_key(&place) {
                self.admit(&path);
            } else if self.known.take(place).is_some() {
                self.forgotten.push(place);
            }
        }
        for place in gone {
            if let Some(known) = self.known.take(place) {
                self.forgotten.push(place);
                let path = known.path;
                self.findings.add(Kind::Missed, &path, 1, |_| {
                    format!(
                        "{} was removed while plainsight did not run; what it had after offset {} is unknown; keep rotated \
                         files for longer than a restart takes",
                        path.display(),
                        known.identity.read.offset
                    )
                });
            }
        }
    }

    /// Takes note of what happened. Gives whether names changed, and whether everything has to be looked at.
    pub(super) fn hear(&mut self) -> (bool, bool) {
        let Some(watch) = &mut self.watch else { return (false, false) };
        let mut changes = Vec::new();
        watch.take(&mut |change| changes.push(change));
        let (mut is_disturbed, mut is_missed) = (false, false);
        let mut moves = Moves::default();
        for change in changes {
            match change {
                Change::Written(path) => self.written(&path),
                Change::Missed => (is_disturbed, is_missed) = (true, true),
                Change::Appeared(path) => {
                    if self.origins.matches(&path) {
                        is_disturbed = true;
                        self.paths.remove(&path);
                        if !self.admit(&path) {
                            moves.wanted.insert(path);
                        }
                    } else if self.origins.may_match(&path) || path.is_dir() {
                        is_missed = true;
                    }
                }
                Change::Left { path, cookie } => {
                    is_disturbed |= self.origins.matches(&path);
                    if let Some(place) = self.paths.remove(&path) {
                        moves.followed.insert(cookie, place);
                    } else if moves.wanted.remove(&path) {
                        moves.unopened.insert(cookie);
                    }
                }
                Change::Arrived { path, cookie } => {
                    let matches = self.origins.matches(&path);
                    is_disturbed |= matches;
                    if let Some(place) = moves.followed.remove(&cookie) {
                        self.paths.insert(path, place);
                    } else if moves.unopened.remove(&cookie) {
                        moves.wanted.insert(path);
                    } else if matches {
                        self.admit(&path);
                    } else if path.is_dir() {
                        is_missed = true;
                    }
                }
                Change::Removed(path) => {
                    is_disturbed |= self.origins.matches(&path);
                    self.paths.remove(&path);
                    if moves.wanted.remove(&path) {
                        self.missed(&path);
                    }
                }
            }
        }
        for path in moves.wanted {
            if !self.admit(&path) {
                self.missed(&path);
            }
        }
        (is_disturbed, is_missed)
    }

    fn written(&mut self, path: &Path) {
        match self.paths.get(path) {
            Some(&place) => self.activate(place),
            None if self.origins.matches(path) => {
                self.admit(path);
            }
            None => {}
        }
    }

    fn missed(&mut self, path: &Path) {
        self.findings.add(Kind::Missed, path, 1, |count| {
            format!(
                "{} was gone before it was opened, {count} times; keep files for some seconds at least, or match the names that \
                 they are renamed to",
                path.display()
            )
        });
    }
}
