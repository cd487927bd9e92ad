//! Server programs of the distribution, started on ports of their own with their files in a folder of their own.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A database's first start takes some seconds on a loaded machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Time that a server gets to put away what would outlive it.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running server. It is stopped when this is dropped.
pub struct ServerProcess {
    child: Child,
    stop_signal: Option<Signal>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its files lie.
    pub directory: TempDir,
}

impl ServerProcess {
    /// Starts a command and waits until it takes connections. `package` is what installs it.
    ///
    /// # Errors
    /// If it cannot be started, or ends before it listens.
    pub fn start(command: &mut Command, port: u16, directory: TempDir, package: &str) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = std::fs::File::create(directory.path().join("server.log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| missing(&name, package))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self { child, stop_signal: None, address, directory };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(server.address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended ({status}): {}", server.log());
            }
            ensure!(Instant::now() < deadline, "{name} does not listen: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Has it stopped by a signal that it can act on, rather than be killed: for one with child processes or shared
    /// memory, which would stay behind.
    #[must_use]
    pub fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop_signal = Some(signal);
        self
    }

    /// Waits until a client succeeds: some servers listen before they answer.
    ///
    /// # Errors
    /// If it does not in time.
    pub fn wait_for(&self, client: &mut Command, package: &str) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !run(client, package)?.status.success() {
            ensure!(Instant::now() < deadline, "{client:?} never succeeds: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let (Some(pid), Some(signal)) = (pid, self.stop_signal)
            && kill_process(pid, signal).is_ok()
        {
            let deadline = Instant::now() + STOP_TIMEOUT;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // One that has ended makes both calls fail, which is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a client to its end. `package` is what installs it.
///
/// # Errors
/// If it cannot be started. How it ended is in the output.
pub fn run(command: &mut Command, package: &str) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).output().with_context(|| missing(&name, package))
}

/// Runs a client that must succeed, and gives what it printed.
///
/// # Errors
/// If it cannot be started or fails.
pub fn run_well(command: &mut Command, package: &str) -> Result<String> {
    let output = run(command, package)?;
    ensure!(
        output.status.success(),
        "{:?} failed ({}): {}{}",
        command,
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A script of `tests/servers`, for the interpreter that has the packages the tests need.
///
/// # Errors
/// If nothing says where it is.
pub fn python(script: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Command> {
    let interpreter = std::env::var_os("PLAINSIGHT_PYTHON").context(
        "PLAINSIGHT_PYTHON does not name a Python with the drivers that the tests use: `cargo xtask test --only live` \
         makes one",
    )?;
    let mut command = Command::new(interpreter);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script)).args(arguments);
    Ok(command)
}

/// A script of `tests/servers` that does what it does step by step, when it is told to. It is killed when this is
/// dropped.
pub struct Script {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it, as [`python`] does.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(script: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Self> {
        let mut child = python(script, arguments)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {script}"))?;
        let output = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self { child, output })
    }

    /// Waits until it prints this line.
    ///
    /// # Errors
    /// If it prints another, or ends.
    pub fn expect(&mut self, expected: &str) -> Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(line.trim_end() == expected, "the script printed {line:?} instead of {expected:?}");
        Ok(())
    }

    /// Lets it go on to its end, which must be a good one.
    ///
    /// # Errors
    /// If it fails.
    pub fn finish(mut self) -> Result<()> {
        // The script waits for a line.
        let mut input = self.child.stdin.take().context("its input")?;
        writeln!(input, "go on").context("the script has ended")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the script failed ({status})");
        Ok(())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program on the search path or, failing that, in the newest of the folders that match `/usr/lib/NAME/*/bin`.
#[must_use]
pub fn program(name: &str, versions: &str) -> PathBuf {
    let versioned = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let newest =
        versioned.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.exists()).max();
    newest.unwrap_or_else(|| PathBuf::from(name))
}

fn missing(name: &str, package: &str) -> String {
    format!("starting {name} (apt-get install {package})")
}
