//! Log files that are renamed, truncated, removed and made anew at full speed, while the probe is killed and its receiver stands still.
//!
//! Every line carries its number. What arrives must have all of them, in order within what one file wrote, and none twice but after a kill.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use opentelemetry_proto::tonic::{common::v1::any_value, logs::v1::LogRecord};
use plainsight_tests::{
    log_probe::LogProbe,
    log_receiver::{TAKEN, read_request},
};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with logs, the configuration, and what arrives.
struct Rig {
    probe: LogProbe,
    folder: TempDir,
}

impl Rig {
    /// `include` is a list of patterns below the folder of logs; records go to a file.
    fn new(include: &[&str], more: &str) -> Result<Self> {
        Self::with(include, &format!("otlp: false, file: 'OUT/out.ndjson', {more}"), "")
    }

    fn with(include: &[&str], pipeline: &str, rest: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path().display().to_string();
        fs::create_dir(folder.path().join("logs"))?;
        let include: Vec<String> = include.iter().map(|pattern| format!("'{at}/logs/{pattern}'")).collect();
        let text = format!(
            "daemon: {{ state: '{at}/state', drain_deadline: 5s }}\n\
             logs:\n  - {{ name: torture, include: [{}], {} }}\n{rest}\n",
            include.join(", "),
            pipeline.replace("OUT", &at)
        );
        let configuration = folder.path().join("plainsight.yaml");
        fs::write(&configuration, text)?;
        Ok(Self { probe: LogProbe::new(configuration, PATIENCE), folder })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    /// Bodies by the order of arrival.
    fn arrived(&self) -> Result<Vec<String>> {
        let Ok(text) = fs::read_to_string(self.folder.path().join("out.ndjson")) else {
            return Ok(Vec::new());
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole
            .lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
                Ok(value["body"].as_str().context("a text")?.to_owned())
            })
            .collect()
    }

    /// Waits until every number of every writer is there.
    fn wait_for_all(&self, written: &BTreeMap<String, u64>) -> Result<()> {
        let began = Instant::now();
        loop {
            let arrived: BTreeSet<String> = self.arrived()?.into_iter().collect();
            let expected: usize = written.values().map(|&count| count as usize).sum();
            if arrived.len() >= expected {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("{} of {expected} lines arrived; status: {:#}", arrived.len(), self.probe.status()?);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn check(&self, written: &BTreeMap<String, u64>, may_repeat: bool) -> Result<()> {
        check(self.arrived()?, written, may_repeat)
    }
}

/// No line missing, none corrupted, order kept; `may_repeat` where an answer was lost or a process was killed.
fn check(arrived: Vec<String>, written: &BTreeMap<String, u64>, may_repeat: bool) -> Result<()> {
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut twice = 0;
    for body in arrived {
        let (writer, number) = parse(&body).with_context(|| format!("corrupted: {body:?}"))?;
        if !seen.entry(writer.clone()).or_default().insert(number) {
            twice += 1;
            continue;
        }
        let before = highest.insert(writer.clone(), number);
        ensure!(before.is_none_or(|before| before < number), "{writer}: {number} came after {before:?}");
    }
    for (writer, &count) in written {
        let numbers = seen.remove(writer).unwrap_or_default();
        let missing: Vec<u64> = (0..count).filter(|number| !numbers.contains(number)).take(10).collect();
        ensure!(missing.is_empty(), "{writer}: {missing:?}… of {count} are missing");
        ensure!(numbers.len() as u64 == count, "{writer}: more than were written");
    }
    ensure!(seen.is_empty(), "nobody wrote {seen:?}");
    ensure!(may_repeat || twice == 0, "{twice} lines came twice");
    println!("{written:?}: all there, {twice} twice");
    Ok(())
}

/// `WRITER NUMBER FILLING CHECK`, where the check repeats the number.
fn line(writer: &str, number: u64) -> String {
    let length = usize::try_from(number % 97).expect("small");
    format!("{writer} {number:010} {} {number:x}\n", "x".repeat(20 + length))
}

fn parse(body: &str) -> Option<(String, u64)> {
    let mut parts = body.split(' ');
    let (writer, number) = (parts.next()?, parts.next()?.parse().ok()?);
    let filling = parts.next()?;
    let check = u64::from_str_radix(parts.next()?, 16).ok()?;
    let is_whole = check == number && filling.len() as u64 == 20 + number % 97 && parts.next().is_none();
    (is_whole && filling.bytes().all(|byte| byte == b'x')).then(|| (writer.to_owned(), number))
}

fn open(path: &Path) -> Result<File> {
    Ok(OpenOptions::new().create(true).append(true).open(path)?)
}

/// Writes lines in bursts until told to stop, and rotates after each so many bytes. Gives how many it wrote.
fn write_and_rotate(
    writer: &str,
    path: &Path,
    stop: &AtomicBool,
    rotate_bytes: u64,
    mut rotate: impl FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let (mut number, mut rotations, mut size) = (0, 0, 0);
    let mut file = open(path)?;
    while !stop.load(Ordering::Relaxed) {
        let mut burst = String::new();
        for _ in 0..200 {
            burst.push_str(&line(writer, number));
            number += 1;
        }
        // Cut anywhere: readers see halves of lines.
        let middle = burst.len() * usize::try_from(number % 7).expect("small") / 7;
        file.write_all(&burst.as_bytes()[..middle])?;
        file.write_all(&burst.as_bytes()[middle..])?;
        size += burst.len() as u64;
        if size >= rotate_bytes {
            size = 0;
            rotations += 1;
            rotate(rotations)?;
            file = open(path)?;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(number)
}

/// Renames `a.log` to `a.log.1` and so on, and keeps so many.
fn shift(path: &Path, keep: u64) -> Result<()> {
    let name = |number: u64| PathBuf::from(format!("{}.{number}", path.display()));
    let _ = fs::remove_file(name(keep));
    for number in (1..keep).rev() {
        let _ = fs::rename(name(number), name(number + 1));
    }
    Ok(fs::rename(path, name(1))?)
}

/// Runs two writers for a while, and does something to the probe meanwhile.
fn run(
    rig: &mut Rig,
    time: Duration,
    keep: u64,
    mut meanwhile: impl FnMut(&mut Rig) -> Result<()>,
) -> Result<BTreeMap<String, u64>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for name in ["one", "two"] {
        let (path, stop) = (rig.log(&format!("{name}.log")), Arc::clone(&stop));
        writers.push((
            name.to_owned(),
            thread::spawn(move || write_and_rotate(name, &path, &stop, 512 << 10, |_| shift(&path, keep))),
        ));
    }
    let began = Instant::now();
    while began.elapsed() < time {
        meanwhile(rig)?;
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().map(|(name, writer)| Ok((name, writer.join().expect("a writer")?))).collect()
}

fn pause(time: u64) -> impl FnMut(&mut Rig) -> Result<()> {
    move |_| {
        thread::sleep(Duration::from_millis(time));
        Ok(())
    }
}

#[test]
fn files_renamed_and_removed_at_full_speed_lose_nothing_though_only_the_active_name_is_matched() -> Result<()>
{
    let mut rig = Rig::new(&["one.log", "two.log"], "start_at: beginning")?;
    rig.probe.start()?;
    // Two generations are kept, so that most are removed while they are read.
    let written = run(&mut rig, Duration::from_secs(8), 2, pause(100))?;
    rig.wait_for_all(&written)?;
    rig.probe.stop()?;
    rig.check(&written, false)
}

#[test]
fn a_probe_that_is_killed_again_and_again_loses_nothing() -> Result<()> {
    let mut rig = Rig::new(&["*.log*"], "start_at: beginning")?;
    rig.probe.start()?;
    let mut kills = 0;
    // All generations are kept, as what is removed while nobody runs cannot be read.
    let written = run(&mut rig, Duration::from_secs(10), 1000, |rig| {
        thread::sleep(Duration::from_millis(400 + 137 * (kills % 5)));
        kills += 1;
        rig.probe.kill()?;
        thread::sleep(Duration::from_millis(50 * (kills % 4)));
        rig.probe.start()
    })?;
    rig.wait_for_all(&written)?;
    rig.probe.stop()?;
    println!("{kills} kills");
    check_each_file(&rig, &written)
}

/// After a kill files are read on side by side, so the order holds within each of them.
fn check_each_file(rig: &Rig, written: &BTreeMap<String, u64>) -> Result<()> {
    let mut seen: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for body in rig.arrived()? {
        let (writer, number) = parse(&body).with_context(|| format!("corrupted: {body:?}"))?;
        seen.entry(writer).or_default().insert(number);
    }
    for (writer, &count) in written {
        let numbers = seen.get(writer).context("some arrived")?;
        let missing: Vec<u64> = (0..count).filter(|number| !numbers.contains(number)).take(10).collect();
        ensure!(
            missing.is_empty() && numbers.len() as u64 == count,
            "{writer}: {missing:?}… of {count} are missing"
        );
    }
    Ok(())
}

#[test]
fn copytruncate_loses_nothing_when_the_writer_waits_for_it() -> Result<()> {
    let mut rig = Rig::new(&["*.log", "*.copy*"], "start_at: beginning")?;
    rig.probe.start()?;
    let path = rig.log("one.log");
    let copies = rig.log("one.copy");
    let stop = Arc::new(AtomicBool::new(false));
    let (to_stop, of_writer) = (Arc::clone(&stop), path.clone());
    let writer = thread::spawn(move || {
        write_and_rotate("one", &of_writer, &to_stop, 512 << 10, |rotation| {
            // What logrotate does; what is written between the two calls would be lost by logrotate itself.
            fs::copy(&of_writer, format!("{}.{rotation}", copies.display()))?;
            OpenOptions::new().write(true).open(&of_writer)?.set_len(0)?;
            Ok(())
        })
    });
    thread::sleep(Duration::from_secs(8));
    stop.store(true, Ordering::Relaxed);
    let written = BTreeMap::from([("one".to_owned(), writer.join().expect("a writer")?)]);
    rig.wait_for_all(&written)?;
    thread::sleep(Duration::from_secs(4));
    rig.probe.stop()?;
    // What only the copy has comes when the copy is known as one, and so after what the file has then.
    check_each_file(&rig, &written)?;
    let arrived = rig.arrived()?.len() as u64;
    ensure!(arrived == written["one"], "{} lines came twice", arrived - written["one"]);
    Ok(())
}

#[test]
fn the_watermark_never_passes_a_line_that_has_not_arrived() -> Result<()> {
    let mut rig = Rig::new(&["*.log"], "start_at: beginning, bytes_per_second: 2MiB")?;
    rig.probe.start()?;
    let path = rig.log("one.log");
    let mut file = open(&path)?;
    // When each line was written, in nanoseconds since 1970.
    let mut times = Vec::new();
    let mut promises: Vec<(u64, usize)> = Vec::new();
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < Duration::from_secs(8) {
        for _ in 0..2000 {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            file.write_all(line("one", number).as_bytes())?;
            times.push(u64::try_from(now.as_nanos())?);
            number += 1;
        }
        if number % 20_000 == 0 {
            shift(&path, 100)?;
            file = open(&path)?;
        }
        thread::sleep(Duration::from_millis(20));
        if let Ok(status) = rig.probe.status()
            && let Some(watermark) = status["pipelines"][0]["watermark_ns"].as_u64()
        {
            promises.push((watermark, rig.arrived()?.len()));
        }
    }
    let mut checked = 0;
    for &(watermark, arrived) in &promises {
        // A line's time is taken before it is written, so those before the watermark but the last were written before it.
        let promised = times.partition_point(|&time| time < watermark).saturating_sub(1);
        ensure!(arrived >= promised, "{promised} lines were promised, and {arrived} had arrived");
        checked += usize::from(promised > 0);
    }
    ensure!(checked > 0, "no watermark promised anything: {promises:?}");
    let written = BTreeMap::from([("one".to_owned(), number)]);
    rig.wait_for_all(&written)?;
    rig.probe.stop()?;
    rig.check(&written, false)
}

#[test]
fn preview_shows_what_would_be_read_and_what_did_not_parse() -> Result<()> {
    let rig = Rig::new(&["*.log", "missing/*"], "parse: { json: {} }")?;
    fs::write(rig.log("one.log"), "{\"message\":\"hello\",\"level\":\"warn\"}\nnot json\n")?;
    let output = rig.probe.command(&["logs", "preview", "--json"])?.output()?;
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(shown["files"][0]["records_seen"] == 2 && shown["files"][0]["unparsable"] == 1, "{shown:#}");
    ensure!(
        shown["without_files"][0].as_str().is_some_and(|pattern| pattern.ends_with("missing/*")),
        "{shown:#}"
    );
    ensure!(shown["files"][0]["unparsable_example"] == "not json", "{shown:#}");
    let text = String::from_utf8(rig.probe.command(&["logs", "preview"])?.output()?.stdout)?;
    ensure!(text.contains("one.log") && text.contains("1 of the first 2 records match no format"), "{text}");
    Ok(())
}

/// A receiver of OTLP over HTTP that can be slow, refuse, or break off in the middle.
#[derive(Clone)]
struct Receiver {
    bodies: Arc<std::sync::Mutex<Vec<String>>>,
    /// What the next requests meet.
    moods: Arc<std::sync::Mutex<std::collections::VecDeque<Mood>>>,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Slow,
    Unavailable,
    /// Takes the request, and closes without an answer.
    Silent,
    Closed,
}

impl Receiver {
    fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let receiver =
            Self { bodies: Arc::default(), moods: Arc::default(), port: listener.local_addr()?.port() };
        let shared = receiver.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || shared.serve(connection));
            }
        });
        Ok(receiver)
    }

    fn serve(&self, connection: std::net::TcpStream) -> Result<()> {
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut writer = connection;
        while let Some(request) = read_request(&mut reader)? {
            let mood = self.moods.lock().expect("not poisoned").pop_front();
            match mood {
                Some(Mood::Closed) => return Ok(()),
                Some(Mood::Unavailable) => {
                    writer.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")?;
                    continue;
                }
                Some(Mood::Slow) => thread::sleep(Duration::from_millis(700)),
                Some(Mood::Silent) | None => {}
            }
            let records = request
                .resource_logs
                .into_iter()
                .flat_map(|resource| resource.scope_logs)
                .flat_map(|scope| scope.log_records);
            let text = |record: LogRecord| match record.body?.value? {
                any_value::Value::StringValue(text) => Some(text),
                _ => None,
            };
            self.bodies.lock().expect("not poisoned").extend(records.filter_map(text));
            if mood == Some(Mood::Silent) {
                return Ok(());
            }
            writer.write_all(TAKEN)?;
        }
        Ok(())
    }

    fn arrived(&self) -> Vec<String> {
        self.bodies.lock().expect("not poisoned").clone()
    }
}

fn otlp_rig(port: u16) -> Result<Rig> {
    Rig::with(
        &["*.log"],
        "memory: 1MiB",
        &format!("export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{port}', batch: {{ bytes: 256KiB }} }} }}"),
    )
}

#[test]
fn a_receiver_that_is_slow_refuses_and_breaks_off_gets_everything_in_the_end() -> Result<()> {
    let receiver = Receiver::start()?;
    let mut rig = otlp_rig(receiver.port)?;
    let moods = [Mood::Slow, Mood::Unavailable, Mood::Closed, Mood::Slow, Mood::Silent, Mood::Unavailable];
    rig.probe.start()?;
    let mut round = 0;
    // Removed after two rotations, so that only open files have what the receiver did not take in time.
    let written = run(&mut rig, Duration::from_secs(6), 2, |_| {
        thread::sleep(Duration::from_millis(400));
        receiver.moods.lock().expect("not poisoned").push_back(moods[round % moods.len()]);
        round += 1;
        Ok(())
    })?;
    let began = Instant::now();
    let expected: u64 = written.values().sum();
    while (receiver.arrived().iter().collect::<BTreeSet<_>>().len() as u64) < expected {
        ensure!(
            began.elapsed() < PATIENCE,
            "{} of {expected}: {:#}",
            receiver.arrived().len(),
            rig.probe.status()?
        );
        thread::sleep(Duration::from_millis(200));
    }
    rig.probe.stop()?;
    // An answer that was lost makes its request come twice.
    check(receiver.arrived(), &written, true)
}

#[test]
fn a_receiver_that_is_dead_loses_nothing_however_often_the_probe_is_killed_meanwhile() -> Result<()> {
    let unused = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = unused.local_addr()?.port();
    drop(unused);
    let mut rig = otlp_rig(port)?;
    rig.probe.start()?;
    let mut text = String::new();
    for number in 0..50_000 {
        text.push_str(&line("one", number));
    }
    fs::write(rig.log("one.log"), &text)?;
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(700));
        rig.probe.kill()?;
        rig.probe.start()?;
    }
    let status = rig.probe.status()?;
    let pipeline = &status["pipelines"][0];
    ensure!(pipeline["acknowledged_bytes"] == 0 && pipeline["watermark_ns"].is_null(), "{status:#}");
    // It has read no more than it may hold.
    ensure!(pipeline["read_bytes"].as_u64().is_some_and(|read| read < 4 << 20), "{status:#}");
    Ok(())
}
