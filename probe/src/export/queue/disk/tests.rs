//! Files that are written, cut off, damaged, filled and shared.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::export::otlp::LARGEST_REQUEST;

fn settings(folder: &TempDir, bytes: u64) -> DiskSettings {
    DiskSettings { bytes, ..DiskSettings::new(folder.path()) }
}

fn open(folder: &TempDir, bytes: u64) -> (DiskQueue, Left) {
    DiskQueue::open(&settings(folder, bytes), "test").expect("a folder of our own")
}

fn entry(kind: SignalKind, number: u32, size: usize) -> Entry {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(size.max(4), 0xab);
    let batch = Batch { kind, payload: payload.into(), items: 1 };
    Entry { batch, stream: Stream::Ordered(3), tracker: None, place: None }
}

fn number(batch: &Batch) -> u32 {
    u32::from_le_bytes([batch.payload[0], batch.payload[1], batch.payload[2], batch.payload[3]])
}

fn append(disk: &mut DiskQueue, numbers: std::ops::Range<u32>, size: usize) {
    let entries: Vec<_> = numbers.map(|number| entry(SignalKind::Metrics, number, size)).collect();
    let appended = disk.append(SignalKind::Metrics, &entries);
    assert!(appended.error.is_none() && appended.written == entries.len(), "{appended:?}");
}

fn read_all(disk: &mut DiskQueue) -> Vec<Entry> {
    let mut all = Vec::new();
    loop {
        let (entries, _, _) = disk.read(SignalKind::Metrics, 3, 1 << 20);
        if entries.is_empty() {
            return all;
        }
        all.extend(entries);
    }
}

fn numbers(entries: &[Entry]) -> Vec<u32> {
    entries.iter().map(|entry| number(&entry.batch)).collect()
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("test/metrics")).expect("the folder of metrics");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn size_of(folder: &TempDir) -> u64 {
    let mut size = 0;
    for kind in SignalKind::ALL {
        for entry in fs::read_dir(folder.path().join("test").join(kind.name())).expect("a folder") {
            size += entry.expect("an entry").metadata().expect("a file").len();
        }
    }
    size
}

#[test]
fn what_is_written_comes_back_as_it_was_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 0..10, 30_000);
    let read = read_all(&mut disk);
    assert_eq!(numbers(&read), (0..10).collect::<Vec<_>>());
    let expected = entry(SignalKind::Metrics, 7, 30_000);
    assert_eq!((&read[7].batch, read[7].stream), (&expected.batch, Stream::Ordered(3)));
    assert!(files(&folder).len() > 1, "one file has it all");
}

#[test]
fn the_next_process_goes_on_where_this_one_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 0..10, 1000);
    let read = read_all(&mut disk);
    let done: Vec<_> =
        [0, 1, 2, 5].map(|index: usize| (SignalKind::Metrics, read[index].place.expect("a place"))).to_vec();
    disk.done(&done).expect("marks");
    drop(disk);
    let (mut disk, left) = open(&folder, 1 << 20);
    assert_eq!(left.waiting[SignalKind::Metrics as usize], Amount { batches: 6, items: 6, bytes: 6000 });
    append(&mut disk, 10..12, 1000);
    assert_eq!(numbers(&read_all(&mut disk)), [3, 4, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn what_was_in_flight_comes_first_and_is_not_read_by_the_process_that_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 1..4, 100);
    let first = entry(SignalKind::Metrics, 0, 100);
    let (places, _) = disk.prepend(SignalKind::Metrics, &[(&first.batch, first.stream)]).expect("room");
    assert!(disk.has(SignalKind::Metrics, places[0]));
    assert_eq!(numbers(&read_all(&mut disk)), [1, 2, 3]);
    drop(disk);
    let (mut disk, _) = open(&folder, 1 << 20);
    assert_eq!(numbers(&read_all(&mut disk)), [0, 1, 2, 3]);
}

#[test]
fn files_go_when_all_in_them_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 0..20, 20_000);
    let done: Vec<_> = read_all(&mut disk)
        .iter()
        .map(|entry| (SignalKind::Metrics, entry.place.expect("a place")))
        .collect();
    disk.done(&done).expect("marks");
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    append(&mut disk, 20..22, 10);
    assert_eq!(numbers(&read_all(&mut disk)), [20, 21]);
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_disk, _) = open(&folder, 1 << 20);
    let refused = DiskQueue::open(&settings(&folder, 1 << 20), "test").expect_err("it is in use");
    assert!(refused.to_string().contains("used by another process"), "{refused}");
    DiskQueue::open(&settings(&folder, 1 << 20), "other").expect("another destination's folder is free");
}

#[test]
fn names_of_destinations_stay_within_the_folder() {
    let cases = [("../x", "_.._x"), ("a/b", "a_b"), ("", "_"), ("otlp-logs", "otlp-logs"), ("ä b", "__b")];
    for (name, folder) in cases {
        assert_eq!(folder_name(name), folder);
    }
}

#[test]
fn a_file_that_is_something_else_is_set_aside_and_the_rest_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 0..8, 30_000);
    drop(disk);
    let first = files(&folder).remove(0);
    fs::write(&first, b"this is not a queue").expect("a file of our own");
    let (mut disk, left) = open(&folder, 1 << 20);
    let sentence = left.sentence.expect("it is said");
    assert!(sentence.contains(&first.display().to_string()) && sentence.contains(".damaged"), "{sentence}");
    assert_eq!(numbers(&read_all(&mut disk)), [2, 3, 4, 5, 6, 7]);
    assert!(first.with_extension("damaged").exists());
}

#[test]
fn a_file_that_changes_under_us_costs_its_rest_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 1 << 20);
    append(&mut disk, 0..6, 30_000);
    let second = files(&folder).remove(1);
    let mut bytes = fs::read(&second).expect("a file");
    bytes[100] ^= 1;
    fs::write(&second, bytes).expect("a file of our own");
    let (entries, lost, sentence) = disk.read(SignalKind::Metrics, 100, 1 << 20);
    assert_eq!(numbers(&entries), [0, 1, 4, 5]);
    assert_eq!(lost.batches, 2);
    assert!(sentence.is_some_and(|sentence| sentence.contains("check this disk")));
}

#[test]
fn the_largest_batch_fits_and_one_larger_than_the_limit_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut disk, _) = open(&folder, 100 << 20);
    append(&mut disk, 0..1, LARGEST_REQUEST);
    assert_eq!(numbers(&read_all(&mut disk)), [0]);
    assert!(disk.can_hold(&entry(SignalKind::Logs, 0, LARGEST_REQUEST).batch));
    let (disk, _) = DiskQueue::open(&settings(&folder, 1000), "small").expect("a folder");
    assert!(!disk.can_hold(&entry(SignalKind::Logs, 0, 1000).batch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// As after a loss of power, when the end of a file never reached the disk.
    #[test]
    fn of_a_file_that_is_cut_off_everything_whole_is_sent(cut in 0_u64..1100, sizes in proptest::collection::vec(4_usize..200, 1..8)) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut disk, _) = open(&folder, 1 << 20);
        let entries: Vec<_> = (0..).zip(&sizes).map(|(number, size)| entry(SignalKind::Metrics, number, *size)).collect();
        disk.append(SignalKind::Metrics, &entries);
        drop(disk);
        let file = files(&folder).remove(0);
        let length = fs::metadata(&file).expect("a file").len();
        OpenOptions::new().write(true).open(&file).expect("a file").set_len(cut.min(length)).expect("cut");
        let (mut disk, left) = open(&folder, 1 << 20);
        let mut end = 8;
        let whole: Vec<u32> = (0..).zip(&sizes).take_while(|(_, size)| { end += 28 + **size as u64; end <= cut }).map(|(number, _)| number).collect();
        prop_assert_eq!(numbers(&read_all(&mut disk)), whole);
        prop_assert!(left.sentence.is_none(), "a crash is no damage");
    }

    #[test]
    fn of_a_damaged_file_nothing_false_is_sent(place in 0_usize..900, bit in 0_u8..8) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut disk, _) = open(&folder, 1 << 20);
        append(&mut disk, 0..8, 100);
        drop(disk);
        let file = files(&folder).remove(0);
        let mut bytes = fs::read(&file).expect("a file");
        let place = place.min(bytes.len() - 1);
        // The mark of what is done is not protected: it changes after the sum was made.
        prop_assume!(place < 8 || (place - 8) % 128 != 4);
        bytes[place] ^= 1 << bit;
        fs::write(&file, bytes).expect("a file of our own");
        let (mut disk, _) = open(&folder, 1 << 20);
        let intact = if place < 8 { 0 } else { u32::try_from((place - 8) / 128).expect("a small number") };
        prop_assert_eq!(numbers(&read_all(&mut disk)), (0..intact).collect::<Vec<_>>());
    }

    #[test]
    fn the_files_stay_within_the_limit_and_every_batch_is_accounted_for(
        steps in proptest::collection::vec((0_usize..3, 1_u32..6, 4_usize..3000, any::<bool>()), 1..40),
    ) {
        const LIMIT: u64 = 20_000;
        let folder = tempfile::tempdir().expect("a folder");
        let (mut disk, _) = open(&folder, LIMIT);
        let (mut next, mut written, mut removed, mut seen) = (0, 0, 0, Vec::new());
        let mut last = [None; 3];
        for (kind, count, size, read) in steps {
            let kind = SignalKind::ALL[kind];
            let entries: Vec<_> = (next..next + count).map(|number| entry(kind, number, size)).collect();
            next += count;
            let appended = disk.append(kind, &entries);
            prop_assert_eq!(appended.written, entries.len());
            written += u64::from(count);
            removed += appended.removed.iter().map(|amount| amount.batches).sum::<u64>();
            prop_assert!(size_of(&folder) <= LIMIT, "{} bytes", size_of(&folder));
            if read {
                let (entries, lost, _) = disk.read(kind, 4, 1 << 20);
                prop_assert_eq!(lost.batches, 0);
                for entry in entries {
                    let number = number(&entry.batch);
                    prop_assert!(last[kind as usize].is_none_or(|last| last < number), "out of order");
                    last[kind as usize] = Some(number);
                    seen.push((kind, entry.place.expect("a place")));
                }
            }
        }
        let left: u64 = disk.lanes.iter().map(|lane| lane.unread().batches).sum();
        prop_assert_eq!(written, removed + seen.len() as u64 + left);
        disk.done(&seen).expect("marks");
    }
}
