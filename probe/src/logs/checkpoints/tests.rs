//! Checkpoints that survive, and those that cannot.

use tempfile::TempDir;

use super::*;
use crate::logs::files::{Head, Identity, WindowHash};

fn checkpoint(inode: u64, offset: u64) -> Checkpoint {
    Checkpoint {
        identity: Identity {
            place: Place { device: 3, inode },
            born_ns: 1_700_000_000_000_000_001,
            head: Head { length: 1024, hash: 0xfeed },
            read: WindowHash { offset, hash: 0xbeef },
        },
        generation_ns: 5,
        seen_s: 1_700_000_000,
        path: PathBuf::from(format!("/var/log/app-{inode}.log")),
    }
}

#[test]
fn what_was_committed_is_there_after_it_was_opened_again() {
    let folder = TempDir::new().expect("a folder");
    let (checkpoints, said) = Checkpoints::open(folder.path()).expect("a database");
    assert_eq!(said, None);
    let key = checkpoints.key();
    checkpoints.commit("app", &[checkpoint(1, 10), checkpoint(2, 20)], &[]).expect("room");
    checkpoints.commit("other", &[checkpoint(1, 99)], &[]).expect("room");
    checkpoints.commit("app", &[checkpoint(1, 11)], &[Place { device: 3, inode: 2 }]).expect("room");
    assert!(matches!(Checkpoints::open(folder.path()), Err(CheckpointError::InUse { .. })));
    drop(checkpoints);
    let (checkpoints, said) = Checkpoints::open(folder.path()).expect("a database");
    assert_eq!(said, None);
    assert_eq!(checkpoints.key(), key);
    assert_eq!(checkpoints.of_pipeline("app").expect("readable"), [checkpoint(1, 11)]);
    assert_eq!(checkpoints.of_pipeline("other").expect("readable"), [checkpoint(1, 99)]);
    assert_eq!(checkpoints.of_pipeline("none").expect("readable"), []);
}

#[test]
fn a_database_cut_anywhere_tells_an_older_truth_or_is_set_aside_and_said_so() {
    let folder = TempDir::new().expect("a folder");
    let (checkpoints, _) = Checkpoints::open(folder.path()).expect("a database");
    for offset in 1..=20 {
        let kept: Vec<_> = (0..50).map(|inode| checkpoint(inode, offset)).collect();
        checkpoints.commit("app", &kept, &[]).expect("room");
    }
    // As a killed process leaves it: not closed.
    let whole = fs::read(folder.path().join(NAME)).expect("readable");
    drop(checkpoints);
    let mut lengths: Vec<usize> = (0..whole.len()).step_by(whole.len() / 40).collect();
    lengths.extend([1, 7, 64, 320, 4095, 4096, 4097, whole.len() - 1, whole.len()]);
    let (mut older, mut aside) = (0, 0);
    for length in lengths {
        let cut = TempDir::new().expect("a folder");
        fs::write(cut.path().join(NAME), &whole[..length]).expect("room");
        let (checkpoints, said) = Checkpoints::open(cut.path()).expect("it can begin anew");
        let found = checkpoints.of_pipeline("app").expect("readable");
        match said {
            None if found.is_empty() => assert!(length == 0, "{length}: nothing was said of what is lost"),
            None => {
                older += 1;
                let offset = found[0].identity.read.offset;
                assert!(found.iter().all(|entry| entry.identity.read.offset == offset), "{length}: mixed");
            }
            Some(said) => {
                aside += 1;
                assert!(said.contains("set aside as") && found.is_empty(), "{length}: {said}");
                assert!(cut.path().join("logs.redb.damaged").exists());
            }
        }
        checkpoints.commit("app", &[checkpoint(1, 1)], &[]).expect("it works again");
    }
    assert!(older >= 1 && aside >= 5, "{older} {aside}");
}

#[test]
fn bytes_that_were_flipped_never_panic() {
    let folder = TempDir::new().expect("a folder");
    let (checkpoints, _) = Checkpoints::open(folder.path()).expect("a database");
    checkpoints.commit("app", &[checkpoint(1, 10)], &[]).expect("room");
    let whole = fs::read(folder.path().join(NAME)).expect("readable");
    drop(checkpoints);
    for at in (0..whole.len().min(20_000)).step_by(397) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let cut = TempDir::new().expect("a folder");
        fs::write(cut.path().join(NAME), &bytes).expect("room");
        let (checkpoints, _) = Checkpoints::open(cut.path()).expect("it can begin anew");
        checkpoints.commit("app", &[checkpoint(1, 1)], &[]).expect("it works again");
    }
}

#[test]
fn entries_are_read_as_they_were_written_and_nothing_else_is() {
    let entry = checkpoint(77, 12345);
    let bytes = entry.encode();
    assert_eq!(Checkpoint::decode(&bytes), Some(entry));
    for length in 0..entry::FIXED {
        assert_eq!(Checkpoint::decode(&bytes[..length]), None, "{length}");
    }
    assert_eq!(Checkpoint::decode(&[9; 100]), None);
}
