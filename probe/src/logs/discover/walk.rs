//! A look at all files that match.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

use super::{
    pattern::{Part, Pattern, Patterns},
    tree::{Host, Tree},
};
use crate::logs::files::{Place, modified_ns};

/// Files of one pipeline; further ones are left out, and said.
const MOST_FILES: usize = 100_000;

/// Folders below each other that `**` stands for.
const DEEPEST: usize = 64;

/// Folders and files that could not be looked at and are named.
const MOST_PROBLEMS: usize = 100;

/// A file that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path by which it was found first; links to it and other names of it are left out.
    pub path: PathBuf,
    /// Where the file system keeps it.
    pub place: Place,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written to, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// What a look gave.
#[derive(Debug, Default)]
pub struct Walk {
    /// Each file once.
    pub files: Vec<Found>,
    /// Folders in which a file may match.
    pub folders: Vec<PathBuf>,
    /// What could not be looked at.
    pub problems: Vec<(PathBuf, io::Error)>,
    /// Patterns that no file matches.
    pub without_files: Vec<String>,
    /// Whether there are more files than are followed.
    pub is_incomplete: bool,
}

impl Walk {
    /// Takes in what a look at further places gave; a file that both found stays what it was here.
    pub(in crate::logs) fn extend(&mut self, further: Self) {
        let Self { files, folders, problems, without_files, is_incomplete } = further;
        let places: HashSet<_> = self.files.iter().map(|found| found.place).collect();
        self.files.extend(files.into_iter().filter(|found| !places.contains(&found.place)));
        self.folders.extend(folders);
        self.problems.extend(problems);
        self.without_files.extend(without_files);
        self.is_incomplete |= is_incomplete;
    }
}

struct Looking<'a> {
    patterns: &'a Patterns,
    tree: &'a dyn Tree,
    walk: Walk,
    places: HashSet<Place>,
    folders: HashSet<PathBuf>,
    /// Files that the present pattern matches, whether or not they were found before.
    matched: usize,
}

impl Patterns {
    /// Looks at all files of this host that match now.
    #[must_use]
    pub fn walk(&self) -> Walk {
        self.walk_in(&Host)
    }

    /// Looks at all files of another tree that match now. Paths are as they are there.
    #[must_use]
    pub fn walk_in(&self, tree: &dyn Tree) -> Walk {
        let mut looking = Looking {
            patterns: self,
            tree,
            walk: Walk::default(),
            places: HashSet::new(),
            folders: HashSet::new(),
            matched: 0,
        };
        for (text, pattern) in &self.include {
            looking.matched = 0;
            looking.look(Path::new("/"), pattern, &pattern.parts, 0);
            if looking.matched == 0 {
                looking.walk.without_files.push(text.clone());
            }
        }
        looking.walk
    }
}

impl Looking<'_> {
    fn look(&mut self, at: &Path, pattern: &Pattern, parts: &[Part], depth: usize) {
        let Some((part, rest)) = parts.split_first() else { return };
        match part {
            Part::Name(name) if rest.is_empty() => {
                self.folder(at);
                self.file(&at.join(name));
            }
            Part::Name(name) => self.look(&at.join(name), pattern, rest, depth),
            Part::Matching(matcher) => {
                self.folder(at);
                for (name, _) in self.list(at) {
                    if matcher.is_match(&name) {
                        let path = at.join(name);
                        if rest.is_empty() {
                            self.file(&path);
                        } else if self.tree.is_folder(&path) {
                            self.look(&path, pattern, rest, depth);
                        }
                    }
                }
            }
            Part::Folders => {
                self.look(at, pattern, rest, depth);
                self.folder(at);
                for (name, is_folder) in self.list(at) {
                    let path = at.join(name);
                    if is_folder && depth < DEEPEST {
                        self.look(&path, pattern, parts, depth + 1);
                    } else if !is_folder && rest.is_empty() && pattern.whole.is_match(&path) {
                        self.file(&path);
                    }
                }
            }
        }
    }

    fn folder(&mut self, path: &Path) {
        if !self.folders.contains(path) {
            self.folders.insert(path.to_owned());
            self.walk.folders.push(path.to_owned());
        }
    }

    /// Names in a folder, each with whether it is itself a folder and no link to one.
    fn list(&mut self, folder: &Path) -> Vec<(PathBuf, bool)> {
        let listed = self.tree.list(folder).map(|mut names| {
            // Which of several names of a file is the one that counts must not depend on the file system's mood.
            names.sort_unstable();
            names
        });
        listed.unwrap_or_else(|error| {
            self.problem(folder, error);
            Vec::new()
        })
    }

    fn file(&mut self, path: &Path) {
        if self.patterns.exclude.is_match(path) {
            return;
        }
        match self.tree.metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                self.matched += 1;
                let place = Place::of(&metadata);
                if self.walk.files.len() >= MOST_FILES {
                    self.walk.is_incomplete = true;
                } else if self.places.insert(place) {
                    self.walk.files.push(Found {
                        path: path.to_owned(),
                        place,
                        size: metadata.len(),
                        modified_ns: modified_ns(&metadata),
                    });
                }
            }
            Ok(_) => {}
            Err(error) => self.problem(path, error),
        }
    }

    /// That something is not there is no problem: it may come.
    fn problem(&mut self, path: &Path, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound && self.walk.problems.len() < MOST_PROBLEMS {
            self.walk.problems.push((path.to_owned(), error));
        }
    }
}
