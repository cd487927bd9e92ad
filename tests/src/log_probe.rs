//! `plainsight logs` with a configuration: running, stopped, killed, and asked how far it is.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::probe::binary;

/// The probe, whether it runs or not. It is killed when this is dropped.
#[derive(Debug)]
pub struct LogProbe {
    configuration: PathBuf,
    patience: Duration,
    running: Option<Child>,
}

impl LogProbe {
    /// One that does not run yet, with the configuration at that path; `patience` is how long it may take to begin.
    #[must_use]
    pub fn new(configuration: PathBuf, patience: Duration) -> Self {
        Self { configuration, patience, running: None }
    }

    /// A command of its own with the same configuration.
    ///
    /// # Errors
    /// If the program is not there.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(arguments).arg("--config").arg(&self.configuration);
        Ok(command)
    }

    /// Starts it, and waits until it follows.
    ///
    /// # Errors
    /// If it does not.
    pub fn start(&mut self) -> Result<()> {
        let mut probe =
            self.command(&["logs", "run"])?.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let messages = BufReader::new(probe.stderr.take().context("messages")?);
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || {
            for line in messages.lines().map_while(Result::ok) {
                if line.contains("following log files") {
                    let _ = ready.send(());
                } else {
                    eprintln!("probe: {line}");
                }
            }
        });
        self.running = Some(probe);
        is_ready.recv_timeout(self.patience).context("the probe does not follow")
    }

    /// Kills it.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut probe = self.running.take().context("it runs")?;
        probe.kill()?;
        probe.wait()?;
        Ok(())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// If it does not run, or says that it failed.
    pub fn stop(&mut self) -> Result<()> {
        let mut probe = self.running.take().context("it runs")?;
        kill_process(Pid::from_child(&probe), Signal::INT)?;
        ensure!(probe.wait()?.success(), "the probe failed");
        Ok(())
    }

    /// What `logs status` says of it.
    ///
    /// # Errors
    /// If that is not JSON.
    pub fn status(&self) -> Result<Value> {
        let output = self.command(&["logs", "status", "--json"])?.output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Drop for LogProbe {
    fn drop(&mut self) {
        if self.running.is_some() {
            // It may have ended by itself.
            let _ = self.kill();
        }
    }
}
