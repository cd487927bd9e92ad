//! A private dnsmasq: own zone, own port, loopback only. And a recording of what is said to it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{record::Record, server::free_port};

/// Packets of the recording reach the file within this: the kernel hands them on once a second.
const WRITTEN_WITHIN: Duration = Duration::from_millis(1500);
/// Starting a program takes less, on a busy machine, too.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// What dig is asked to ask.
pub const ASKED: [&[&str]; 14] = [
    &["plain.example.test", "A"],
    &["both.example.test", "AAAA", "+noedns"],
    &["www.example.test", "A", "+dnssec", "+cookie"],
    &["example.test", "MX"],
    &["_sip._udp.example.test", "SRV"],
    &["secret.example.test", "TXT"],
    &["nothere.example.test", "A"],
    &["outside.test", "A"],
    &["big.example.test", "A"],
    &["plain.example.test", "A", "+tcp"],
    &["@127.0.0.2", "zone.test", "AXFR"],
    &["version.bind", "TXT", "CH"],
    &["plain.example.test", "TYPE65400"],
    &["long.example.test", "TXT"],
];

/// What comes of that: a [`line`] for each exchange.
pub const ANSWERED: [&str; 15] = [
    "udp A plain.example.test NOERROR complete",
    "udp AAAA both.example.test NOERROR complete",
    "udp A www.example.test NOERROR complete",
    "udp MX example.test NOERROR complete",
    "udp SRV _sip._udp.example.test NOERROR complete",
    "udp TXT secret.example.test NOERROR complete",
    "udp A nothere.example.test NXDOMAIN complete",
    "udp A outside.test REFUSED complete",
    "udp A big.example.test NOERROR complete",
    "tcp A plain.example.test NOERROR complete",
    "tcp AXFR zone.test NOERROR complete",
    "udp TXT version.bind NOERROR complete",
    "udp TYPE65400 plain.example.test NXDOMAIN complete",
    // Truncated, so asked again over TCP.
    "udp TXT long.example.test NOERROR complete",
    "tcp TXT long.example.test NOERROR complete",
];

/// A running dnsmasq. It ends when this is dropped.
pub struct Dnsmasq {
    child: Child,
    directory: TempDir,
    /// Its port, on 127.0.0.1; on 127.0.0.2 it also gives whole zones away.
    pub port: u16,
}

impl Dnsmasq {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If dnsmasq or dig is not installed, or it does not start.
    pub fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = free_port()?;
        let settings = directory.path().join("dnsmasq.conf");
        fs::write(&settings, configuration(port))?;
        let child = Command::new("dnsmasq")
            .args(["--keep-in-foreground", "--pid-file=", "--user=root"])
            .arg(format!("--conf-file={}", settings.display()))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting dnsmasq (apt-get install -y dnsmasq-base)")?;
        let server = Self { child, directory, port };
        let deadline = Instant::now() + START_TIMEOUT;
        while !server.dig(&["plain.example.test", "+tries=1", "+time=1"])?.status.success() {
            ensure!(Instant::now() < deadline, "dnsmasq does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Asks it once with dig, which asks again by itself, over TCP, where an answer was truncated.
    ///
    /// # Errors
    /// If dig is not installed.
    pub fn dig(&self, arguments: &[&str]) -> Result<Output> {
        let server = arguments.iter().any(|argument| argument.starts_with('@'));
        Command::new("dig")
            .args((!server).then_some("@127.0.0.1"))
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .context("starting dig (apt-get install -y bind9-dnsutils)")
    }

    /// Asks it the given questions, each so many times, with dnsperf, and gives what dnsperf says of it.
    ///
    /// # Errors
    /// If dnsperf is not installed or fails.
    pub fn dnsperf(&self, questions: &[&str], times: u32, arguments: &[&str]) -> Result<String> {
        let file = self.directory.path().join("questions");
        fs::write(&file, questions.join("\n") + "\n")?;
        let output = Command::new("dnsperf")
            .args(["-s", "127.0.0.1", "-p", &self.port.to_string(), "-n", &times.to_string(), "-d"])
            .arg(&file)
            .args(arguments)
            .output()
            .context("starting dnsperf (apt-get install -y dnsperf)")?;
        ensure!(output.status.success(), "dnsperf: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Records what goes to and from its port while `act` runs; gives the file, which stays until
    /// the next recording or the server's end.
    ///
    /// # Errors
    /// If tcpdump is not installed or may not capture, and those of `act`.
    pub fn record(&self, act: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
        let file = self.directory.path().join("recorded.pcap");
        if file.exists() {
            fs::remove_file(&file)?;
        }
        let mut tcpdump = Command::new("tcpdump")
            .args(["-i", "lo", "-Z", "root", "-B", "65536", "-s", "0", "-U", "-w"])
            .arg(&file)
            .args(["port", &self.port.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting tcpdump (apt-get install -y tcpdump)")?;
        let deadline = Instant::now() + START_TIMEOUT;
        // It writes the file's head once it captures.
        while fs::metadata(&file).map_or(0, |file| file.len()) == 0 {
            ensure!(
                Instant::now() < deadline && tcpdump.try_wait()?.is_none(),
                "tcpdump does not capture; needs root"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let done = act();
        std::thread::sleep(WRITTEN_WITHIN);
        interrupt(&tcpdump);
        tcpdump.wait()?;
        done.map(|()| file)
    }
}

/// Transport, type, name, code and outcome of a record.
#[must_use]
pub fn line(record: &Record) -> String {
    let text = |attribute| record.text(attribute);
    format!(
        "{} {} {} {} {}",
        text("network.transport"),
        text("plainsight.dns.question.type"),
        text("dns.question.name"),
        text("plainsight.dns.response_code"),
        record.outcome
    )
}

/// The number that stands behind a word of dnsperf's report.
///
/// # Errors
/// If there is none.
pub fn number(report: &str, word: &str) -> Result<u64> {
    let behind = report.split(word).nth(1).with_context(|| format!("no {word} in {report}"))?;
    let digits: String = behind.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("no number behind {word} in {report}"))
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn interrupt(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // If it is gone already, waiting for it says so.
        let _ = kill_process(pid, Signal::INT);
    }
}

fn configuration(port: u16) -> String {
    let mut lines = vec![
        "no-resolv".to_owned(),
        "no-hosts".to_owned(),
        format!("port={port}"),
        "listen-address=127.0.0.1,127.0.0.2".to_owned(),
        "bind-interfaces".to_owned(),
        "local=/example.test/".to_owned(),
        "address=/plain.example.test/192.0.2.1".to_owned(),
        "host-record=both.example.test,192.0.2.7,2001:db8::7".to_owned(),
        "cname=www.example.test,both.example.test".to_owned(),
        "mx-host=example.test,mail.example.test,10".to_owned(),
        "srv-host=_sip._udp.example.test,both.example.test,5060".to_owned(),
        "txt-record=secret.example.test,token=s3cr3t".to_owned(),
        "auth-peer=127.0.0.1".to_owned(),
        "auth-server=ns.example.test,127.0.0.2".to_owned(),
        "auth-zone=zone.test,192.0.2.0/24".to_owned(),
        "host-record=h1.zone.test,192.0.2.31".to_owned(),
    ];
    lines.extend((0..40).map(|number| format!("host-record=big.example.test,192.0.2.{}", 100 + number)));
    lines.extend((0..8).map(|number| format!("txt-record=long.example.test,{number}{}", "x".repeat(200))));
    lines.join("\n") + "\n"
}
