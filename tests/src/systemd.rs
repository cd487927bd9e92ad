//! A systemd of its own, in a container that shares this host's kernel, network and programs, to start a unit for real.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// Units that would set up what is this host's.
const LEFT_ALONE: [&str; 5] = [
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
];

/// `systemd-nspawn` wants a `/run` that lies in memory, which not every machine has.
const BOOT: &str = "mount -t tmpfs none /run; exec systemd-nspawn --quiet --register=no --keep-unit --directory=\"$1\" \
                    --bind-ro=/usr --capability=all --system-call-filter='bpf perf_event_open' --boot -- \
                    systemd.unit=\"$2\" systemd.firstboot=no systemd.log_target=console";

/// A running systemd, which ends when its one unit does.
pub struct Machine {
    child: Child,
    root: TempDir,
}

impl Machine {
    /// Boots into a unit, which finds `program` at `/opt/plainsight`; `changes` is a drop-in for it.
    ///
    /// # Errors
    /// If systemd-nspawn is not installed.
    pub fn boot(unit: &Path, changes: &str, program: &Path) -> Result<Self> {
        Self::boot_with(unit, changes, program, &[])
    }

    /// The same with these files, a path and a text each.
    ///
    /// # Errors
    /// If systemd-nspawn is not installed.
    pub fn boot_with(unit: &Path, changes: &str, program: &Path, files: &[(&str, &str)]) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let name = unit.file_name().and_then(|name| name.to_str()).context("a unit's name")?;
        let units = root.path().join("etc/systemd/system");
        let drop_ins = units.join(format!("{name}.d"));
        for folder in ["usr", "var", "run", "proc", "sys", "dev", "tmp", "root", "opt"] {
            fs::create_dir(root.path().join(folder))?;
        }
        fs::create_dir_all(&drop_ins)?;
        for folder in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{folder}"), root.path().join(folder))?;
        }
        for file in ["passwd", "group", "os-release"] {
            fs::copy(Path::new("/etc").join(file), root.path().join("etc").join(file))?;
        }
        // Without an id of its own it would take this for its first start, and ask for a time zone.
        fs::write(root.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")?;
        for left_alone in LEFT_ALONE {
            symlink("/dev/null", units.join(left_alone))?;
        }
        fs::copy(unit, units.join(name))?;
        let output = "[Service]\nStandardOutput=file:/var/output\nStandardError=file:/var/messages\n\
                      ExecStopPost=+/bin/systemctl exit 0 --no-block --force\n";
        fs::write(drop_ins.join("10-test.conf"), format!("{output}{changes}"))?;
        fs::copy(program, root.path().join("opt/plainsight"))?;
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, text)?;
        }
        let console = fs::File::create(root.path().join("console"))?;
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-c", BOOT, "sh"])
            .arg(root.path())
            .arg(name)
            .stdin(Stdio::null())
            .stderr(console.try_clone()?)
            .stdout(console)
            .spawn()
            .context("starting unshare")?;
        Ok(Self { child, root })
    }

    /// A file of the container as it is now; empty if there is none.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Where a file of the container lies.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Waits until the unit said something on its error stream.
    ///
    /// # Errors
    /// If it does not, or the machine ends before; with what was on the console.
    pub fn wait_for(&mut self, said: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !self.read("var/messages").contains(said) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the machine ended ({status}) before its unit said {said:?}: {}", self.everything());
            }
            ensure!(Instant::now() < deadline, "the unit did not say {said:?}: {}", self.everything());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until the unit, and with it the machine, has ended.
    ///
    /// # Errors
    /// If it does not end.
    pub fn wait(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "the machine did not end: {}", self.everything());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Asks the unit's program to end, as systemd does, and waits until the machine has ended with it.
    ///
    /// # Errors
    /// If there is no such program, or it does not end.
    pub fn end_unit(&mut self, limit: Duration) -> Result<()> {
        let is_program = |path: &Path| {
            fs::read(path.join("cmdline")).is_ok_and(|line| line.starts_with(b"/opt/plainsight\0run\0"))
        };
        let found =
            fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path())).find(|path| is_program(path));
        let name = found.as_ref().and_then(|path| path.file_name()?.to_str());
        let pid = name.and_then(|name| rustix::process::Pid::from_raw(name.parse().ok()?));
        let pid = pid.with_context(|| format!("the unit does not run: {}", self.everything()))?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.wait(limit)
    }

    fn ask_to_end(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        // systemd-nspawn ends its container at this; a kill would leave it behind.
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
    }

    fn everything(&self) -> String {
        format!("{:?}; on the console: {}", self.read("var/messages"), self.read("console"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.ask_to_end();
            let _ = self.wait(Duration::from_secs(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
