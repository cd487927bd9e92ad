//! Folders with files, and what is found in them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;

fn folder(files: &[&str]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, file).expect("room");
    }
    folder
}

fn patterns(folder: &Path, include: &[&str], exclude: &[&str]) -> Patterns {
    let include: Vec<String> = include.iter().map(|text| format!("{}/{text}", folder.display())).collect();
    let exclude: Vec<String> = exclude.iter().map(|&text| text.to_owned()).collect();
    Patterns::new(&include, &exclude).expect("patterns")
}

fn names(folder: &Path, walk: &Walk) -> Vec<String> {
    let name =
        |found: &Found| found.path.strip_prefix(folder).expect("below").to_str().expect("text").to_owned();
    walk.files.iter().map(name).collect()
}

#[test]
fn files_are_found_by_pattern_without_those_that_are_excluded() {
    let folder =
        folder(&["a.log", "b.log", "b.log.gz", "c.txt", "x/a.log", "x/y/a.log", "x/y/b.log", "z/[1].log"]);
    let at = folder.path();
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&["*.log"], &[], &["a.log", "b.log"]),
        (&["*.log*"], &["*.gz"], &["a.log", "b.log"]),
        (&["**/a.log"], &[], &["a.log", "x/a.log", "x/y/a.log"]),
        (&["x/**"], &[], &["x/a.log", "x/y/a.log", "x/y/b.log"]),
        (&["*/*.log"], &["**/x/*"], &["z/[1].log"]),
        (&["x/y/{a,b}.log", "a.log"], &[], &["x/y/a.log", "x/y/b.log", "a.log"]),
        (&["z/\\[1\\].log"], &[], &["z/[1].log"]),
    ];
    for (include, exclude, expected) in cases {
        let patterns = patterns(at, include, exclude);
        let walk = patterns.walk();
        assert_eq!(&names(at, &walk), expected, "{include:?} without {exclude:?}");
        assert!(walk.files.iter().all(|found| patterns.matches(&found.path)), "{include:?}");
        assert!(walk.without_files.is_empty() && walk.problems.is_empty(), "{include:?}");
    }
}

#[test]
fn links_and_other_names_of_a_file_are_found_once() {
    let folder = folder(&["real/a.log"]);
    let at = folder.path();
    fs::create_dir(at.join("links")).expect("made");
    symlink(at.join("real/a.log"), at.join("links/a.log")).expect("linked");
    fs::hard_link(at.join("real/a.log"), at.join("links/b.log")).expect("linked");
    symlink(at.join("links"), at.join("links/loop")).expect("linked");
    symlink(at.join("nowhere"), at.join("links/broken.log")).expect("linked");
    assert_eq!(
        names(at, &patterns(at, &["links/*.log", "real/*.log", "**/*.log"], &[]).walk()),
        ["links/a.log"]
    );
}

#[test]
fn a_pattern_without_files_is_named_and_found_when_they_come() {
    let folder = folder(&["a.log"]);
    let at = folder.path();
    let patterns = patterns(at, &["*.log", "later/*.log"], &[]);
    assert_eq!(patterns.walk().without_files, [format!("{}/later/*.log", at.display())]);
    fs::create_dir(at.join("later")).expect("made");
    fs::write(at.join("later/b.log"), "b").expect("room");
    assert!(patterns.walk().without_files.is_empty());
}

#[test]
fn patterns_that_cannot_be_used_say_why() {
    for (text, said) in [("app.log", "must begin with /"), ("/var/../x", "`..`"), ("/var/[a", "no pattern")] {
        let error = Patterns::new(&[text.to_owned()], &[]).expect_err(text).to_string();
        assert!(error.contains(said) && error.contains(text), "{error}");
    }
}

fn heard(watch: &mut Watch) -> Vec<Change> {
    let mut changes = Vec::new();
    watch.take(&mut |change| changes.push(change));
    changes
}

#[test]
fn what_happens_in_a_watched_folder_is_heard_in_order() {
    let folder = folder(&["a.log"]);
    let at = folder.path().to_owned();
    let mut watch = Watch::new().expect("a watch");
    let (is_added, failed) = watch.set(&[at.clone(), PathBuf::from("/nowhere/at/all")]);
    assert!(is_added && failed.is_none());
    fs::write(at.join("a.log"), "more").expect("room");
    fs::rename(at.join("a.log"), at.join("a.log.1")).expect("renamed");
    fs::write(at.join("a.log"), "new").expect("room");
    fs::remove_file(at.join("a.log.1")).expect("removed");
    let changes = heard(&mut watch);
    assert!(matches!(&changes[0], Change::Written(path) if path.ends_with("a.log")), "{changes:?}");
    let left = changes.iter().find_map(|change| match change {
        Change::Left { cookie, .. } => Some(*cookie),
        _ => None,
    });
    let arrived = changes.iter().find_map(|change| match change {
        Change::Arrived { cookie, path } if path.ends_with("a.log.1") => Some(*cookie),
        _ => None,
    });
    assert!(left.is_some() && left == arrived, "{changes:?}");
    assert!(changes.contains(&Change::Appeared(at.join("a.log"))), "{changes:?}");
    assert_eq!(changes.last(), Some(&Change::Removed(at.join("a.log.1"))), "{changes:?}");
    assert_eq!(heard(&mut watch), []);
}

#[test]
fn a_folder_that_is_gone_is_told_and_can_be_watched_again() {
    let folder = folder(&["in/a.log"]);
    let at = folder.path().join("in");
    let mut watch = Watch::new().expect("a watch");
    watch.set(std::slice::from_ref(&at));
    fs::remove_dir_all(&at).expect("removed");
    assert!(heard(&mut watch).contains(&Change::Missed));
    fs::create_dir(&at).expect("made");
    assert!(watch.set(std::slice::from_ref(&at)).0);
    fs::write(at.join("b.log"), "b").expect("room");
    assert!(heard(&mut watch).contains(&Change::Appeared(at.join("b.log"))));
}
