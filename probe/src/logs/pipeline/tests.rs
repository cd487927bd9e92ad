//! Pipelines with files that change under them, and destinations that fail.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::{
    identity::Resource,
    logs::{
        discover::Patterns,
        records::{EncoderLimits, Plan, Settings},
        status::Kind,
    },
};

/// What a destination does, and what it got.
#[derive(Default)]
struct Inner {
    lines: Vec<String>,
    /// Shipments that are neither acknowledged nor refused.
    open: VecDeque<Done>,
    is_holding: bool,
    is_full: bool,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Inner>>);

impl Memory {
    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(&mut self.0.lock().expect("not poisoned"))
    }

    fn bodies(&self) -> Vec<String> {
        self.with(|inner| inner.lines.clone())
    }

    fn release(&self) {
        self.with(|inner| {
            inner.is_holding = false;
            inner.open.drain(..).for_each(|done| done.tell(Outcome::Arrived(0)));
        });
    }
}

impl Destination for Memory {
    fn form(&self) -> Form {
        Form::Lines
    }

    fn submit(&mut self, shipment: &Shipment, done: Done) -> bool {
        self.with(|inner| {
            if inner.is_full {
                return false;
            }
            let lines = shipment.lines.as_deref().unwrap_or_default();
            for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                let value: serde_json::Value = serde_json::from_slice(line).expect("a line of JSON");
                inner.lines.push(value["body"].as_str().expect("a text").to_owned());
            }
            if inner.is_holding {
                inner.open.push_back(done);
            } else {
                done.tell(Outcome::Arrived(0));
            }
            true
        })
    }
}

struct Rig {
    folder: TempDir,
    state: TempDir,
    memory: Memory,
}

impl Rig {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
            state: TempDir::new().expect("a folder"),
            memory: Memory::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    fn start(&self, include: &str) -> Pipeline {
        self.start_with(include, |_| {})
    }

    fn start_with(&self, include: &str, change: impl FnOnce(&mut PipelineSettings)) -> Pipeline {
        let include = [format!("{}/{include}", self.folder.path().display())];
        let plan = Settings { line_timeout: Duration::from_secs(30), ..Settings::default() };
        let mut settings = PipelineSettings {
            name: "test".to_owned(),
            patterns: Patterns::new(&include, &[]).expect("patterns"),
            containers: None,
            plan: Arc::new(Plan::new(&plan).expect("settings")),
            resource: Arc::new(Resource::default()),
            starts_at_end: false,
            memory_bytes: 16 << 20,
            bytes_per_second: None,
            limits: EncoderLimits::default(),
            delay: Duration::from_millis(20),
        };
        change(&mut settings);
        let (checkpoints, said) = Checkpoints::open(self.state.path()).expect("a database");
        assert_eq!(said, None);
        Pipeline::start(settings, vec![Box::new(self.memory.clone())], checkpoints).expect("it starts")
    }

    /// Waits until so many lines have come, and a moment for more.
    #[track_caller]
    fn expect(&self, expected: &[String]) {
        wait_for(|| self.memory.with(|inner| inner.lines.len()) >= expected.len());
        std::thread::sleep(Duration::from_millis(300));
        let got = self.memory.bodies();
        assert!(got == expected, "{} lines instead of {}: {got:?}", got.len(), expected.len());
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("room");
}

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("line {number:08}")).collect()
}

fn text(from: usize, to: usize) -> String {
    lines(from, to).iter().map(|line| format!("{line}\n")).collect()
}

#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not happen within 20 seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn stop(pipeline: Pipeline) -> PipelineStatus {
    pipeline.stop(Instant::now() + Duration::from_secs(5));
    pipeline.join()
}

#[test]
fn lines_arrive_in_order_and_a_restart_goes_on_where_it_was() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 1000));
    let pipeline = rig.start("*.log");
    rig.expect(&lines(0, 1000));
    rig.append("a.log", &text(1000, 1500));
    rig.expect(&lines(0, 1500));
    rig.append("a.log", "line 000");
    stop(pipeline);
    rig.append("a.log", &text(1500, 1600)["line 000".len()..]);
    let pipeline = rig.start("*.log");
    rig.expect(&lines(0, 1600));
    let status = stop(pipeline);
    assert_eq!(status.lag_bytes, 0, "{status:?}");
}

#[test]
fn a_file_that_is_renamed_and_made_anew_is_read_to_its_end_also_when_the_pattern_matches_only_one_name() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 10));
    let pipeline = rig.start("a.log");
    rig.expect(&lines(0, 10));
    for round in 1..20 {
        let mut old = OpenOptions::new().append(true).open(rig.path("a.log")).expect("there");
        fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("renamed");
        // The writer goes on for a moment before it opens the new one.
        old.write_all(text(round * 10, round * 10 + 5).as_bytes()).expect("room");
        wait_for(|| rig.memory.bodies().len() >= round * 10 + 5);
        rig.append("a.log", &text(round * 10 + 5, round * 10 + 10));
        wait_for(|| rig.memory.bodies().len() >= round * 10 + 10);
    }
    rig.expect(&lines(0, 200));
    drop(pipeline);
}

#[test]
fn a_file_that_was_renamed_while_nothing_ran_is_found_again() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 10));
    let pipeline = rig.start("a.log");
    rig.expect(&lines(0, 10));
    stop(pipeline);
    rig.append("a.log", &text(10, 20));
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("renamed");
    rig.append("a.log", &text(20, 30));
    let pipeline = rig.start("a.log");
    wait_for(|| rig.memory.bodies().len() >= 30);
    stop(pipeline);
    let mut got = rig.memory.bodies();
    got.sort();
    assert_eq!(got, lines(0, 30));
}

#[test]
fn a_copy_before_truncation_is_not_read_twice_and_what_only_it_has_is_read() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 5000));
    let pipeline = rig.start("a.log*");
    rig.expect(&lines(0, 5000));
    fs::copy(rig.path("a.log"), rig.path("a.log.1")).expect("copied");
    File::options().write(true).open(rig.path("a.log")).expect("there").set_len(0).expect("truncated");
    rig.append("a.log", &text(5000, 5010));
    rig.expect(&lines(0, 5010));
    // Long enough for the copy to be judged.
    std::thread::sleep(Duration::from_secs(3));
    rig.expect(&lines(0, 5010));
    let status = stop(pipeline);
    assert!(status.findings.iter().any(|finding| finding.kind == Kind::Rewritten), "{status:?}");
}

#[test]
fn removed_files_are_read_to_their_end_and_forgotten() {
    let rig = Rig::new();
    rig.memory.with(|inner| inner.is_full = true);
    rig.append("a.log", &text(0, 3000));
    let pipeline = rig.start_with("*.log", |settings| settings.memory_bytes = 4096);
    wait_for(|| pipeline.status().files == 1);
    fs::remove_file(rig.path("a.log")).expect("removed");
    std::thread::sleep(Duration::from_millis(300));
    rig.memory.with(|inner| inner.is_full = false);
    rig.expect(&lines(0, 3000));
    wait_for(|| pipeline.status().files == 0);
    stop(pipeline);
    let (checkpoints, _) = Checkpoints::open(rig.state.path()).expect("a database");
    assert_eq!(checkpoints.of_pipeline("test").expect("readable"), []);
}

#[test]
fn a_destination_that_takes_nothing_stops_reading_and_memory_stays_bounded() {
    let rig = Rig::new();
    rig.memory.with(|inner| inner.is_full = true);
    rig.append("a.log", &text(0, 400_000));
    let bound = 1 << 20;
    let pipeline = rig.start_with("*.log", |settings| settings.memory_bytes = bound);
    std::thread::sleep(Duration::from_millis(1500));
    let status = pipeline.status();
    assert!(status.read_bytes < 3 << 20 && status.waiting_bytes < 8 * bound, "{status:?}");
    rig.memory.with(|inner| inner.is_full = false);
    rig.expect(&lines(0, 400_000));
    stop(pipeline);
}

#[test]
fn what_was_not_acknowledged_comes_again_after_a_restart() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 10));
    let pipeline = rig.start("*.log");
    rig.expect(&lines(0, 10));
    wait_for(|| pipeline.status().acknowledged_bytes == 140);
    rig.memory.with(|inner| inner.is_holding = true);
    rig.append("a.log", &text(10, 20));
    rig.expect(&lines(0, 20));
    let watermark = pipeline.status().watermark_ns;
    drop(pipeline);
    rig.memory.with(|inner| {
        inner.is_holding = false;
        inner.open.clear();
        inner.lines.clear();
    });
    let pipeline = rig.start("*.log");
    rig.expect(&lines(10, 20));
    assert!(watermark.is_some());
    stop(pipeline);
}

#[test]
fn the_watermark_stands_still_while_a_line_is_not_acknowledged_and_then_goes_on() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 10));
    let pipeline = rig.start("*.log");
    wait_for(|| pipeline.status().watermark_ns.is_some());
    rig.memory.with(|inner| inner.is_holding = true);
    let written_ns = crate::signal::WallTime::now().as_unix_nanos();
    rig.append("a.log", &text(10, 11));
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        let watermark = pipeline.status().watermark_ns.expect("known");
        assert!(watermark <= written_ns + 50_000_000, "it passed a line that is not acknowledged");
    }
    rig.memory.release();
    wait_for(|| {
        pipeline.status().watermark_ns.is_some_and(|watermark| watermark > written_ns + 1_000_000_000)
    });
    stop(pipeline);
}

#[test]
fn a_loud_file_does_not_starve_a_quiet_one() {
    let rig = Rig::new();
    rig.append("loud.log", &text(0, 1_000_000));
    rig.append("quiet.log", "I am here\n");
    let pipeline = rig.start("*.log");
    wait_for(|| rig.memory.with(|inner| inner.lines.iter().any(|line| line == "I am here")));
    let before = rig.memory.bodies().len();
    assert!(before < 500_000, "{before} lines came first");
    stop(pipeline);
}

#[test]
fn compressed_files_are_left_alone_and_said() {
    let rig = Rig::new();
    fs::write(rig.path("a.log.1.gz"), [0x1f, 0x8b, 8, 0, 10, 10]).expect("room");
    rig.append("a.log", &text(0, 3));
    let pipeline = rig.start("a.log*");
    rig.expect(&lines(0, 3));
    let status = stop(pipeline);
    assert!(status.findings.iter().any(|finding| finding.kind == Kind::Compressed), "{status:?}");
}

#[test]
fn what_endangers_completeness_is_said() {
    let rig = Rig::new();
    let pipeline = rig.start("missing/*.log");
    wait_for(|| {
        let status = pipeline.status();
        status.findings.iter().any(|finding| finding.kind == Kind::WithoutFiles)
    });
    fs::create_dir(rig.path("missing")).expect("made");
    rig.append("missing/a.log", &text(0, 3));
    rig.expect(&lines(0, 3));
    wait_for(|| !pipeline.status().findings.iter().any(|finding| finding.kind == Kind::WithoutFiles));
    stop(pipeline);
}

#[test]
fn many_files_with_the_same_beginning_are_all_read() {
    // The same first kibibyte, as /var/log/messages and /var/log/syslog have.
    let rig = Rig::new();
    let preamble = format!("{}\n", "=".repeat(1500));
    for number in 0..20 {
        rig.append(&format!("{number}.log"), &format!("{preamble}{}", text(number, number + 1)));
    }
    let pipeline = rig.start("*.log");
    wait_for(|| rig.memory.bodies().len() >= 40);
    let mut got: Vec<String> =
        rig.memory.bodies().into_iter().filter(|line| line.starts_with("line")).collect();
    got.sort();
    assert_eq!(got, lines(0, 20));
    stop(pipeline);
}

#[test]
fn a_short_file_is_read_at_once_and_not_again_when_it_grows() {
    let rig = Rig::new();
    rig.append("a.log", "line 00000000\n");
    let pipeline = rig.start("*.log");
    rig.expect(&lines(0, 1));
    for number in 1..150 {
        rig.append("a.log", &text(number, number + 1));
    }
    rig.expect(&lines(0, 150));
    stop(pipeline);
}

#[test]
fn a_line_longer_than_the_bound_is_cut_said_and_does_not_stop_the_file() {
    let rig = Rig::new();
    rig.append("a.log", &format!("{}\nline 00000000\n", "x".repeat(5 << 20)));
    let pipeline = rig.start("*.log");
    wait_for(|| rig.memory.bodies().len() == 2);
    let status = stop(pipeline);
    assert_eq!(rig.memory.bodies()[1], "line 00000000");
    let cut = status.findings.iter().find(|finding| finding.kind == Kind::Cut);
    assert!(
        cut.is_some_and(|finding| finding.count == 1 && finding.sentence.contains("a.log")),
        "{status:?}"
    );
}

#[test]
fn two_files_that_are_alike_are_both_read() {
    let rig = Rig::new();
    rig.append("a.log", &text(0, 200));
    let pipeline = rig.start("*.log");
    rig.expect(&lines(0, 200));
    rig.append("ab.log", &text(0, 200));
    wait_for(|| rig.memory.bodies().len() >= 400);
    stop(pipeline);
}
