//! What endangers completeness, each with the file and the remedy.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

/// Findings of one kind that are kept apart by file; further ones are counted with the last.
const MOST_OF_A_KIND: usize = 20;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No file matches a pattern.
    WithoutFiles,
    /// A file or folder cannot be read.
    Unreadable,
    /// A file was gone before it was opened.
    Missed,
    /// A file was truncated before all of it was read.
    TruncatedEarly,
    /// A file was truncated or written anew, after all that was known of it had been read.
    Rewritten,
    /// Another file has the inode of one that was known.
    InodeReused,
    /// Lines were cut at the bound.
    Cut,
    /// Records that no format matched.
    Unparsable,
    /// Text that was not of its encoding.
    Repaired,
    /// Files that are compressed are not read.
    Compressed,
    /// Destinations will never take some records.
    Refused,
    /// Checkpoints could not be read or written.
    Checkpoints,
    /// Changes are not heard of.
    NotWatched,
    /// More files than are followed.
    TooManyFiles,
    /// Containers that are not followed, or not all of them.
    Containers,
    /// Files are rotated faster than they are read.
    RotatedFaster,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The file, folder or pattern; empty if none is meant.
    pub subject: String,
    /// What happened and what to do about it.
    pub sentence: String,
    /// How often it was found, or how much: what the sentence says.
    pub count: u64,
}

/// Findings by kind and subject, bounded.
#[derive(Debug, Default)]
pub struct Findings {
    all: BTreeMap<(Kind, String), (u64, String)>,
    /// Those that were left out.
    pub more: u64,
}

impl Findings {
    /// Adds to a finding. `sentence` is what is said with the new count.
    pub fn add(&mut self, kind: Kind, subject: &Path, count: u64, sentence: impl FnOnce(u64) -> String) {
        let subject = subject.display().to_string();
        let of_kind = self.all.keys().filter(|(known, _)| *known == kind).count();
        let key = (kind, subject);
        if of_kind >= MOST_OF_A_KIND && !self.all.contains_key(&key) {
            self.more += 1;
            return;
        }
        let held = self.all.entry(key).or_default();
        held.0 += count;
        held.1 = sentence(held.0);
    }

    /// Replaces all of a kind by what is found now.
    pub fn set(&mut self, kind: Kind, now: impl Iterator<Item = (String, String)>) {
        self.all.retain(|(known, _), _| *known != kind);
        for (subject, sentence) in now.take(MOST_OF_A_KIND) {
            self.all.insert((kind, subject), (1, sentence));
        }
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> Vec<Finding> {
        let finding = |((kind, subject), (count, sentence)): (&(Kind, String), &(u64, String))| Finding {
            kind: *kind,
            subject: subject.clone(),
            sentence: sentence.clone(),
            count: *count,
        };
        self.all.iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_add_up_by_subject_and_do_not_grow_without_bound() {
        let mut findings = Findings::default();
        for number in 0..1000 {
            let path = format!("/var/log/{}.log", number % 500);
            findings.add(Kind::Cut, Path::new(&path), 2, |count| format!("{count} lines were cut"));
        }
        let list = findings.list();
        assert_eq!(list.len(), MOST_OF_A_KIND);
        assert!(
            list.iter().all(|finding| finding.sentence == "4 lines were cut" && finding.count == 4),
            "{list:?}"
        );
        assert_eq!(findings.more, 960);
        findings.set(Kind::Cut, std::iter::empty());
        assert_eq!(findings.list(), []);
    }
}
