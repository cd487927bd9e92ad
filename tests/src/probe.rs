//! Launches the real binary and collects what it prints.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::record::Record;

/// What the command says on its error stream once its hooks are attached.
const READY: &str = "watching";
/// Reading BTF and verifying programs takes half a second on an idle machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The ring is emptied and the last records are written well within this.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// The binary under test: `PLAINSIGHT_BIN`, or the release build of this repository.
///
/// # Errors
/// If there is none; the message says how to build it.
pub fn binary() -> Result<PathBuf> {
    let path = match std::env::var_os("PLAINSIGHT_BIN") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/plainsight"),
    };
    ensure!(
        path.exists(),
        "{} is not there: build it with `cargo xtask build`, or name another with PLAINSIGHT_BIN",
        path.display()
    );
    Ok(path)
}

/// A running `plainsight watch --json`.
pub struct Probe {
    child: Child,
    messages: Receiver<String>,
    directory: TempDir,
}

/// What it said.
pub struct Outcome {
    /// The records, in the order in which they were printed.
    pub records: Vec<Record>,
    /// Everything on the error stream.
    pub messages: Vec<String>,
    /// How it ended.
    pub status: ExitStatus,
}

impl Probe {
    /// Starts `plainsight watch --json` with further arguments and waits until its hooks are attached.
    ///
    /// # Errors
    /// If it cannot be started, or ends or says nothing before it is ready.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_command(&[&["watch", "--json"], arguments].concat())
    }

    /// Starts it for the connections of one server.
    ///
    /// # Errors
    /// As [`Probe::start`].
    pub fn of_server(address: SocketAddr) -> Result<Self> {
        Self::start(&["--port", &address.port().to_string()])
    }

    /// Starts any command that observes live.
    ///
    /// # Errors
    /// If it cannot be started, or ends or says nothing before it is ready.
    pub fn start_command(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(arguments);
        Self::start_as(command)
    }

    /// Starts a command that becomes one that observes live, such as `setpriv` with its arguments before it.
    ///
    /// # Errors
    /// If it cannot be started, or ends or says nothing before it is ready.
    pub fn start_as(mut command: Command) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let output = File::create(directory.path().join("output"))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .context("starting plainsight")?;
        let (sender, messages) = channel();
        let stderr = child.stderr.take().context("its error stream")?;
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut probe = Self { child, messages, directory };
        probe.wait_until_ready()?;
        Ok(probe)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut said = Vec::new();
        while Instant::now() < deadline {
            match self.messages.recv_timeout(Duration::from_millis(100)) {
                Ok(line) if line.contains(READY) => return Ok(()),
                Ok(line) => said.push(line),
                Err(_) => {
                    if let Some(status) = self.child.try_wait()? {
                        bail!(
                            "plainsight ended before it was ready ({status}); live tests need root; it said: {said:?}"
                        );
                    }
                }
            }
        }
        bail!("plainsight was not ready within {START_TIMEOUT:?}; it said: {said:?}")
    }

    /// Waits until a line on its error stream has that text.
    ///
    /// # Errors
    /// If none does in time.
    pub fn wait_until_it_says(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if self.messages.recv_timeout(left).is_ok_and(|line| line.contains(text)) {
                return Ok(());
            }
        }
        bail!("plainsight did not say {text:?} within {START_TIMEOUT:?}")
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives the last events time to be read, interrupts it as Ctrl-C does, and reads what it printed.
    ///
    /// # Errors
    /// If it does not end, or prints what is no record.
    pub fn stop(self) -> Result<Outcome> {
        let (output, messages, status) = self.stop_raw()?;
        let records = output
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not a record: {line}")))
            .collect::<Result<_>>()?;
        Ok(Outcome { records, messages, status })
    }

    /// As [`Probe::stop`], with the output as it is.
    ///
    /// # Errors
    /// If it does not end.
    pub fn stop_raw(mut self) -> Result<(String, Vec<String>, ExitStatus)> {
        std::thread::sleep(Duration::from_millis(300));
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.context("a process id")?, rustix::process::Signal::INT)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "plainsight did not end within {STOP_TIMEOUT:?} of Ctrl-C");
            std::thread::sleep(Duration::from_millis(20));
        };
        let output = std::fs::read_to_string(self.directory.path().join("output"))?;
        let messages = self.messages.iter().collect();
        Ok((output, messages, status))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // A test that failed leaves it running; one that has stopped it makes both calls fail, which is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Outcome {
    /// The records of one side.
    #[must_use]
    pub fn side(&self, side: &str) -> Vec<&Record> {
        self.records.iter().filter(|record| record.side == side).collect()
    }

    /// Each record of one side as a line.
    #[must_use]
    pub fn lines(&self, side: &str, line: impl Fn(&Record) -> String) -> Vec<String> {
        self.side(side).into_iter().map(line).collect()
    }

    /// Checks that every record is of that protocol, was seen whole, and shows nothing of a secret.
    ///
    /// # Panics
    /// If one is not so.
    #[track_caller]
    pub fn assert_whole_and_masked(&self, protocol: &str, secret: &str) {
        for record in &self.records {
            assert_eq!(
                (record.protocol.as_str(), record.outcome.as_str()),
                (protocol, "complete"),
                "{record:?}"
            );
            assert_eq!(record.missing_bytes, 0, "{record:?}");
            let shown = format!("{record:?}");
            assert!(!shown.contains(secret), "what is to be masked is shown: {shown}");
        }
    }

    /// Checks that every failure is named by the status of its answer, and that nothing else has one.
    ///
    /// # Panics
    /// If one is not so.
    #[track_caller]
    pub fn assert_failures_are_statuses(&self) {
        for record in &self.records {
            let status = record.text("db.response.status_code");
            assert_eq!(record.error_type.as_deref().unwrap_or_default(), status, "{record:?}");
        }
    }

    /// The records of one side that have this name.
    #[must_use]
    pub fn named(&self, side: &str, name: &str) -> Vec<&Record> {
        self.records.iter().filter(|record| record.side == side && record.name == name).collect()
    }

    /// How many records of each name one side has.
    #[must_use]
    pub fn names(&self, side: &str) -> BTreeMap<&str, usize> {
        let mut names = BTreeMap::new();
        for record in self.side(side) {
            *names.entry(record.name.as_str()).or_default() += 1;
        }
        names
    }
}
