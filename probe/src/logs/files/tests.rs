//! Files that change while they are read.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
};

use tempfile::TempDir;

use super::*;

const KEY: HashKey = HashKey([7; 16]);

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("room");
}

fn rest(reader: &mut Reader) -> (String, Vec<u64>) {
    let (mut bytes, mut rewritten) = (Vec::new(), Vec::new());
    let mut buffer = [0; 400];
    loop {
        match reader.read(&mut buffer).expect("readable") {
            Step::Bytes(read) => bytes.extend_from_slice(read),
            Step::End => return (String::from_utf8(bytes).expect("text"), rewritten),
            Step::Rewritten(had) => rewritten.push(had),
        }
    }
}

fn numbered(from: usize, to: usize) -> String {
    (from..to).map(|number| format!("line {number:08}\n")).collect()
}

#[test]
fn what_is_appended_is_read_on() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    append(&path, &numbered(0, 100));
    let mut reader = Reader::open(&path, KEY).expect("readable");
    assert_eq!(rest(&mut reader), (numbered(0, 100), vec![]));
    assert_eq!(rest(&mut reader), (String::new(), vec![]));
    append(&path, &numbered(100, 103));
    assert_eq!(rest(&mut reader), (numbered(100, 103), vec![]));
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_even_when_it_has_grown_beyond_where_it_was() {
    for lines in [1, 50, 500] {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("a.log");
        append(&path, &numbered(0, 100));
        let mut reader = Reader::open(&path, KEY).expect("readable");
        rest(&mut reader);
        OpenOptions::new().write(true).open(&path).expect("a file").set_len(0).expect("truncated");
        append(&path, &numbered(1000, 1000 + lines));
        assert_eq!(rest(&mut reader), (numbered(1000, 1000 + lines), vec![1400]), "{lines}");
    }
}

#[test]
fn a_truncated_file_whose_beginning_is_repeated_is_noticed_by_what_stood_before_the_offset() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    let preamble = "=".repeat(2000);
    append(&path, &format!("{preamble}\n{}", numbered(0, 100)));
    let mut reader = Reader::open(&path, KEY).expect("readable");
    rest(&mut reader);
    let known = reader.identity_at(reader.offset()).expect("readable").expect("it has got so far");
    File::create(&path).expect("truncated");
    let text = format!("{preamble}\n{}", numbered(500, 700));
    append(&path, &text);
    assert_eq!(rest(&mut reader).0, text);
    let mut again = Reader::open(&path, KEY).expect("readable");
    assert_eq!(again.resume(&known).expect("readable"), Opened::Rewritten);
}

#[test]
fn a_file_is_known_again_where_it_was_left_and_after_it_grew() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    // Less than what a head takes, and more.
    for lines in [1, 20, 300] {
        let _ = fs::remove_file(&path);
        append(&path, &numbered(0, lines));
        let mut reader = Reader::open(&path, KEY).expect("readable");
        rest(&mut reader);
        let known = reader.identity_at(14).expect("readable").expect("it has got so far");
        append(&path, &numbered(lines, lines + 200));
        let renamed = folder.path().join("a.log.1");
        fs::rename(&path, &renamed).expect("renamed");
        let mut again = Reader::open(&renamed, KEY).expect("readable");
        assert_eq!(again.resume(&known).expect("readable"), Opened::Known, "{lines}");
        assert_eq!(rest(&mut again).0, numbered(1, lines + 200), "{lines}");
    }
}

#[test]
fn another_file_at_the_place_of_the_known_one_is_not_taken_for_it() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    append(&path, &numbered(0, 5));
    let mut reader = Reader::open(&path, KEY).expect("readable");
    rest(&mut reader);
    let mut known = reader.identity_at(reader.offset()).expect("readable").expect("it has got so far");
    // Begins alike, but was born at another time.
    known.born_ns ^= 1;
    assert_eq!(Reader::open(&path, KEY).expect("readable").resume(&known).expect("readable"), Opened::Reused);
    // Where the file system tells no birth, what it begins with does.
    known.born_ns = 0;
    known.head.hash ^= 1;
    assert_eq!(Reader::open(&path, KEY).expect("readable").resume(&known).expect("readable"), Opened::Reused);
}

#[test]
fn files_of_zeros_are_not_taken_for_one_another() {
    let folder = TempDir::new().expect("a folder");
    let (left, right) = (folder.path().join("left"), folder.path().join("right"));
    append(&left, &format!("{}a\n", "\0".repeat(1500)));
    append(&right, &format!("{}b\n", "\0".repeat(900)));
    let mut reader = Reader::open(&left, KEY).expect("readable");
    rest(&mut reader);
    let other = Reader::open(&right, KEY).expect("readable");
    assert_eq!(reader.is_copied_by(&other).expect("readable"), Copied::No);
}

#[test]
fn a_removed_file_is_read_to_its_end() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    append(&path, &numbered(0, 100));
    let mut reader = Reader::open(&path, KEY).expect("readable");
    fs::remove_file(&path).expect("removed");
    assert_eq!(rest(&mut reader).0, numbered(0, 100));
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&reader.metadata().expect("known")), 0);
}

#[test]
fn a_copy_is_known_wherever_it_ends_and_what_it_has_beyond_is_found() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("a.log");
    append(&path, &numbered(0, 10_000));
    let mut reader = Reader::open(&path, KEY).expect("readable");
    rest(&mut reader);
    append(&path, &numbered(10_000, 10_010));
    let copy = folder.path().join("a.log.1");
    fs::copy(&path, &copy).expect("copied");
    let offset = reader.offset();
    let other = Reader::open(&copy, KEY).expect("readable");
    assert_eq!(reader.is_copied_by(&other).expect("readable"), Copied::Of(offset));
    for size in [139_999, 70_001, 20_000] {
        OpenOptions::new().write(true).open(&copy).expect("a file").set_len(size).expect("cut");
        assert_eq!(reader.is_copied_by(&other).expect("readable"), Copied::Of(size), "{size}");
    }
    File::create(&path).expect("truncated");
    rest(&mut reader);
    assert_eq!(reader.is_copied_by(&other).expect("readable"), Copied::OfPast(20_000), "it was truncated");
    fs::write(&copy, format!("{}{}", numbered(0, 100), numbered(300, 900))).expect("room");
    assert_eq!(reader.is_copied_by(&other).expect("readable"), Copied::No, "it only begins alike");
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let folder = TempDir::new().expect("a folder");
    assert!(Reader::open(folder.path(), KEY).is_err());
    assert!(Reader::open(Path::new("/dev/null"), KEY).is_err());
}
