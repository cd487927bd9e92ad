//! The probe as one side of a comparison.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{interrupt::Group, report::number_before};

/// The word on standard error that tells that the hooks are attached.
const READY: &str = "watching";

/// How long the probe may take to load, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the probe says when it ends.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The line as printed.
    pub(crate) line: String,
    /// Exchanges seen, if the line tells.
    pub(crate) exchanges: Option<u64>,
}

impl Summary {
    fn of(line: String) -> Self {
        // Thousands may be set apart.
        let exchanges = number_before(&line.replace(',', ""), " exchange");
        Self { line, exchanges }
    }
}

/// A running probe; ends when dropped.
#[derive(Debug)]
pub(crate) struct Probe {
    child: Child,
    messages: Receiver<String>,
    group: Group,
}

impl Probe {
    /// Starts it and waits until it captures.
    pub(crate) fn start(command_line: &[String]) -> Result<Self> {
        let (program, arguments) = command_line.split_first().context("the probe's command line is empty")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let group = Group::new(child.id());
        let (sender, messages) = channel();
        let stream = child.stderr.take().context("the probe has no standard error")?;
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let probe = Self { child, messages, group };
        probe.wait_until_ready()?;
        Ok(probe)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        while let Ok(line) = self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(READY) {
                return Ok(());
            }
            said.push(line);
        }
        bail!("the probe did not say that it is {READY}; it said: {}", said.join(" / "))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Interrupts it as Ctrl-C does, and returns its last words.
    pub(crate) fn stop(self) -> Result<Summary> {
        let Self { mut child, messages, group } = self;
        let process =
            i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the probe has no id")?;
        kill_process(process, Signal::INT).context("cannot interrupt the probe: it has ended by itself")?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().context("cannot wait for the probe")? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the probe did not end within {} s of an interrupt", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        };
        // Its children would hold its standard error open.
        drop(group);
        let last = messages.iter().filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
        if !status.success() {
            bail!("the probe failed ({status}): {last}");
        }
        Ok(Summary::of(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Vec<String> {
        ["sh", "-c", text].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_last_line_of_the_probe_is_its_summary() {
        let probe = Probe::start(&script(
            "trap 'echo 1,234 exchanges seen, 0 events lost >&2; exit 0' INT; echo watching >&2; sleep 60 & wait",
        ))
        .expect("it says that it is watching");
        let summary = probe.stop().expect("it ends in order");
        assert_eq!(summary.exchanges, Some(1234));
        assert_eq!(summary.line, "1,234 exchanges seen, 0 events lost");
    }

    #[test]
    fn a_probe_that_cannot_start_is_quoted() {
        let error = Probe::start(&script("echo error: no BTF here >&2; exit 3")).expect_err("never ready");
        assert!(error.to_string().contains("no BTF here"), "{error}");
    }
}
