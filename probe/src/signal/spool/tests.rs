//! Tests of buffers and of what becomes of them.

use std::{collections::HashMap, thread, time::Duration};

use plainsight_protocols::Timestamp;

use super::*;
use crate::export::Progress;

fn process(pid: u32) -> Process {
    Process { pid, tid: pid, cgroup: 1, comm: [0; 16] }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}

/// An item that says which it is.
fn write(writer: &mut Writer, pid: u32, millis: u64, number: u32, length: usize) {
    let begun = WallTime::from_unix_nanos(millis);
    writer.item(&process(pid), at(millis), begun, |out| {
        out.extend_from_slice(&number.to_le_bytes());
        out.resize(out.len() + length, 0xaa);
    });
}

fn taken(spool: &Spool) -> Vec<Buffer> {
    let mut buffers = Vec::new();
    spool.take(&mut buffers);
    buffers
}

fn limits() -> SpoolLimits {
    SpoolLimits {
        buffer_bytes: 1000,
        buffer_items: 10,
        age: Duration::from_millis(50),
        ..SpoolLimits::default()
    }
}

#[test]
fn a_buffer_is_handed_over_when_it_holds_enough_items() {
    let spool = Spool::new(1 << 20);
    let mut writer = spool.writer(limits());
    (0..9).for_each(|number| write(&mut writer, 1, 7, number, 0));
    assert!(taken(&spool).is_empty());
    write(&mut writer, 1, 9, 9, 0);
    let buffers = taken(&spool);
    assert_eq!((buffers.len(), buffers[0].items), (1, 10));
    assert_eq!(buffers[0].source, Source { process: process(1), first: WallTime::from_unix_nanos(7) });
    let expected: Vec<u8> = (0..10_u8).flat_map(|number| [ITEM_TAG, 4, number, 0, 0, 0]).collect();
    assert_eq!(buffers[0].bytes, expected);
}

#[test]
fn a_buffer_is_handed_over_when_it_holds_enough_bytes() {
    let spool = Spool::new(1 << 20);
    let mut writer = spool.writer(limits());
    (0..6).for_each(|number| write(&mut writer, 1, 0, number, 300));
    let buffers = taken(&spool);
    assert_eq!(buffers.iter().map(|buffer| buffer.items).collect::<Vec<_>>(), [4]);
    drop(writer);
    assert_eq!(taken(&spool)[0].items, 2);
}

#[test]
fn an_item_waits_no_longer_than_it_may() {
    let spool = Spool::new(1 << 20);
    let mut writer = spool.writer(limits());
    write(&mut writer, 1, 1000, 0, 0);
    write(&mut writer, 1, 1049, 1, 0);
    write(&mut writer, 2, 1030, 2, 0);
    writer.tick(at(1049));
    assert!(taken(&spool).is_empty());
    writer.tick(at(1050));
    let buffers = taken(&spool);
    assert_eq!((buffers.len(), buffers[0].items, buffers[0].source.process.pid), (1, 2, 1));
    writer.tick(at(1080));
    assert_eq!(taken(&spool)[0].source.process.pid, 2);
    writer.tick(at(9999));
    assert!(taken(&spool).is_empty(), "nothing is handed over without items");
}

#[test]
fn processes_have_buffers_of_their_own_and_a_pid_that_is_used_again_is_another() {
    let spool = Spool::new(1 << 20);
    let mut writer = spool.writer(limits());
    write(&mut writer, 1, 0, 0, 0);
    write(&mut writer, 2, 0, 1, 0);
    let later = Process { cgroup: 9, ..process(1) };
    writer.item(&later, at(0), WallTime::default(), |out| out.push(7));
    let early = taken(&spool);
    assert_eq!((early.len(), early[0].source.process.cgroup, early[0].items), (1, 1, 1));
    writer.flush();
    let sources: Vec<_> = taken(&spool).iter().map(|buffer| buffer.source.process).collect();
    assert_eq!(sources, [later, process(2)]);
}

#[test]
fn a_full_spool_drops_and_counts_and_nobody_waits() {
    let spool = Spool::new(10_000);
    let mut writer = spool.writer(limits());
    // Nobody takes.
    (0..100_000).for_each(|number| write(&mut writer, number % 3, 0, number, 20));
    writer.flush();
    let counters = spool.counters();
    assert!(counters.waiting_bytes <= 10_000 && counters.waiting_bytes > 8_000, "{counters:?}");
    assert_eq!(counters.handed_over + counters.dropped, 100_000);
    let kept: u64 = taken(&spool).iter().map(|buffer| u64::from(buffer.items)).sum();
    assert_eq!(kept, counters.handed_over);
    assert_eq!(spool.counters().waiting_bytes, 0);
    write(&mut writer, 1, 0, 0, 0);
    writer.flush();
    assert_eq!(taken(&spool).len(), 1, "there is room again");
}

#[test]
fn a_worker_has_buffers_for_so_many_processes_and_so_many_bytes() {
    let spool = Spool::new(100 << 20);
    let few = SpoolLimits { processes: 16, ..SpoolLimits::default() };
    let mut writer = spool.writer(few);
    (0..16).for_each(|pid| write(&mut writer, pid, 0, pid, 0));
    assert!(taken(&spool).is_empty());
    write(&mut writer, 16, 0, 16, 0);
    assert_eq!(taken(&spool).len(), 16);
    drop(writer);
    assert_eq!(taken(&spool).len(), 1);

    let small = SpoolLimits { worker_bytes: 50_000, ..SpoolLimits::default() };
    let mut writer = spool.writer(small);
    (0..1000).for_each(|pid| write(&mut writer, pid, 0, pid, 1000));
    let handed_over: usize = taken(&spool).iter().map(|buffer| buffer.bytes.len()).sum();
    assert!(handed_over > 1_000_000 - 50_000, "{handed_over}");
}

#[test]
fn everything_that_fits_arrives_once_and_in_order() {
    const EACH: u32 = 20_000;
    let spool = Spool::new(1 << 30);
    let workers: Vec<_> = (0..3)
        .map(|worker| {
            let mut writer = spool.writer(limits());
            thread::spawn(move || {
                (0..EACH).for_each(|number| write(&mut writer, worker * 2 + number % 2, 0, number, 0));
            })
        })
        .collect();
    let mut buffers = Vec::new();
    while spool.take(&mut buffers) == Progress::Open {
        thread::yield_now();
    }
    workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
    let mut by_process: HashMap<u32, Vec<u32>> = HashMap::new();
    for buffer in &buffers {
        let numbers =
            buffer.bytes.chunks_exact(6).map(|item| u32::from_le_bytes([item[2], item[3], item[4], item[5]]));
        by_process.entry(buffer.source.process.pid).or_default().extend(numbers);
    }
    for pid in 0..6 {
        let expected = (0..EACH).filter(|number| number % 2 == pid % 2);
        assert!(by_process[&pid].iter().copied().eq(expected), "process {pid}");
    }
}

#[test]
fn without_a_consumer_items_are_dropped_and_nobody_waits() {
    let spool = Spool::new(1 << 20);
    let mut writer = spool.writer(limits());
    drop(spool);
    (0..1000).for_each(|number| write(&mut writer, 1, 0, number, 0));
}
