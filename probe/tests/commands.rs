//! The binary as a person meets it: exit codes, and sentences that help.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

fn plainsight(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plainsight"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Output {
    plainsight(arguments).output().expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_usage_error(arguments: &[&str], expected: &[&str]) {
    let output = run(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    for text in expected {
        assert!(said.contains(text), "{arguments:?} does not say {text:?}: {said}");
    }
}

#[test]
fn bad_values_name_the_flag_the_value_and_what_is_accepted() {
    assert_usage_error(&["--status", "6-4"], &["--status", "'6-4'", "a range (400-499)"]);
    assert_usage_error(&["stat", "--min-latency", "10"], &["--min-latency", "'10'", "10ms"]);
    assert_usage_error(&["watch", "--remote", "example.org"], &["--remote", "'example.org'", "10.0.0.0/8"]);
    assert_usage_error(&["--port", "80,x"], &["--port", "'x'", "1 to 65535"]);
    assert_usage_error(&["--pid", "0"], &["--pid", "'0'", "a number from 1"]);
    assert_usage_error(&["--side", "left"], &["--side", "'left'", "client or server"]);
    assert_usage_error(&["--for", "soon"], &["--for", "'soon'", "1.5s"]);
    assert_usage_error(&["--ring-bytes", "1KiB"], &["--ring-bytes", "'1KiB'", "64KiB to 1GiB"]);
    assert_usage_error(&["stat", "--by", "colour"], &["--by", "'colour'", "process, comm, pid"]);
    for command in [&["watch"][..], &["stat"], &["replay", "x.pcap"]] {
        let bad = [command, &["--route-pattern", "/a/{id"]].concat();
        assert_usage_error(&bad, &["--route-pattern", "'/a/{id'", "one name in braces"]);
    }
    assert_usage_error(&["stat", "--interval", "1ms"], &["--interval", "'1ms'", "100ms or longer"]);
}

#[test]
fn mistyped_words_are_answered_with_what_was_meant() {
    assert_usage_error(&["htttp"], &["'htttp'", "did you mean 'http'?"]);
    assert_usage_error(&["stta"], &["'stta'", "did you mean 'stat'?"]);
    assert_usage_error(&["--stats", "500"], &["--stats", "'--status'"]);
    assert_usage_error(&["watch", "mogodb"], &["'mogodb'", "did you mean 'mongodb'?"]);
    assert_usage_error(&["stat", "https"], &["'https'", "'tls' shows handshakes"]);
    assert_usage_error(&["replay", "x.pcap", "--protocol", "kafak"], &["'kafak'", "did you mean 'kafka'?"]);
    assert_usage_error(&["stat", "--by", "statsu"], &["'statsu'", "did you mean 'status'?"]);
    assert_usage_error(&["replay"], &["<FILE>"]);
    assert_usage_error(&["replay", "x.pcap", "--by", "path"], &["--stat"]);
    assert_usage_error(&["doctor", "--jsn"], &["'--json'"]);
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["watch", "--help"],
        &["stat", "-h"],
        &["replay", "--help"],
        &["doctor", "-h"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Usage: plainsight"), "{arguments:?}");
    }
    let version = run(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        concat!("plainsight ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_file_that_is_missing_or_no_capture_is_named_and_fails() {
    let output = run(&["replay", "/nonexistent/x.pcap"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nonexistent/x.pcap"), "{}", stderr(&output));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "just some text, longer than a head").expect("a file");
    let output = run(&["replay", path.to_str().expect("a path"), "--json"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("notes.txt") && said.contains("not a pcap or pcapng file"), "{said}");
}

#[test]
fn a_replay_takes_every_protocol_by_each_of_its_names() {
    let capture = capture();
    let names = "http,http2,h2,grpc,redis,valkey,mysql,mariadb,postgresql,postgres,pg,kafka,dns,memcached,memcache,\
                 mongodb,mongo,tls";
    for name in names.split(',').chain([names]) {
        let output =
            run(&["replay", capture.path(), "--protocol", name, "--route-pattern", "/a/{id}", "--stat"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    }
}

#[test]
fn a_capture_without_exchanges_ends_well_with_a_summary() {
    let capture = capture();
    for arguments in [&["--json"][..], &["--stat"], &["--stat", "--json"], &[]] {
        let path = capture.path();
        let output = run(&[&["replay", path], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(stderr(&output), "plainsight: 0 exchanges seen, 0 events lost\n");
    }
}

#[test]
fn a_full_disk_fails_with_a_sentence_that_names_it() {
    let capture = capture();
    let full = OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it");
    let path = capture.path();
    let output = plainsight(&["replay", path, "--stat"]).stdout(full).output().expect("the binary runs");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/dev/full (standard output)") && said.contains("Free some space"), "{said}");
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let capture = capture();
    let path = capture.path();
    let mut child = plainsight(&["replay", path, "--stat"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn an_interrupt_ends_a_replay_that_waits_for_its_input() {
    let mut child = plainsight(&["replay", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&HEAD).expect("it reads");
    input.flush().expect("it reads");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "plainsight: 0 exchanges seen, 0 events lost\n");
    drop(input);
}

#[test]
fn doctor_prints_a_line_for_each_check_or_one_object() {
    let lines = run(&["doctor"]);
    assert!(matches!(lines.status.code(), Some(0 | 3)));
    let text = String::from_utf8_lossy(&lines.stdout).into_owned();
    let json = run(&["doctor", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["checks"].as_array().map(Vec::len), Some(text.lines().count()));
    assert!(text.contains("kernel types"), "{text}");
}

/// The head of a pcap file with Ethernet frames and no packet.
const HEAD: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];

/// A capture file; its folder goes with it.
struct Capture {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Capture {
    fn path(&self) -> &str {
        self.path.to_str().expect("a path")
    }
}

fn capture() -> Capture {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.pcap");
    let capture = Capture { _folder: folder, path };
    File::create(capture.path()).and_then(|mut file| file.write_all(&HEAD)).expect("a file");
    capture
}

#[test]
fn the_printed_default_configuration_passes_the_check() {
    let printed = run(&["run", "--print-default-config"]);
    assert_eq!(printed.status.code(), Some(0), "{}", stderr(&printed));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.yaml");
    std::fs::write(&path, &printed.stdout).expect("a file");
    let output = run(&["check", path.to_str().expect("a path")]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(said.contains("plainsight.yaml can be used: 11 protocols, traces at 100 %"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_wrong_configuration_is_refused_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.yaml");
    std::fs::write(&path, "traces:\n  ration: 1.0\nlimits:\n  cpu: lots\n").expect("a file");
    let name = path.to_str().expect("a path");
    let output = run(&["check", name]);
    let expected = format!(
        "{name}:2: traces.ration: there is no such key; did you mean 'ratio'?\n{name}:4: limits.cpu: 'lots' cannot be used: \
         a number belongs here, as in 0.25 or 1.0; or `off`\n"
    );
    assert_eq!((output.status.code(), stderr(&output)), (Some(2), expected));
    assert!(output.stdout.is_empty());
    assert_usage_error(&["check", "/nonexistent/x.yaml"], &["/nonexistent/x.yaml", "No such file"]);
    assert_usage_error(&["check"], &["<FILE>"]);
    assert_usage_error(&["chekc"], &["did you mean 'check'?"]);
}
