//! Captures that others made.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::replay::Reader;

/// The folder of captures: `PLAINSIGHT_CORPORA`, or `shared/corpora` beside the repository.
fn corpora() -> PathBuf {
    let folder = env::var_os("PLAINSIGHT_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"), PathBuf::from);
    assert!(
        folder.is_dir(),
        "the captures are missing: {} is no folder; set PLAINSIGHT_CORPORA to where they are",
        folder.display()
    );
    folder
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            captures(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng") {
            found.push(path);
        }
    }
}

#[test]
fn every_capture_of_the_corpora_is_read_to_its_end() {
    let mut files = Vec::new();
    captures(&corpora(), &mut files);
    assert!(files.len() > 50, "only {} captures found", files.len());
    for file in files {
        let mut events = 0_u64;
        let mut reader = Reader::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let summary =
            reader.run(|_| events += 1).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(events >= summary.connections, "{}: {summary:?}", file.display());
        assert!(summary.connections > 0, "{}: {summary:?}", file.display());
    }
}
