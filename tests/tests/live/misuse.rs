//! What goes wrong around the probe ends with a sentence, the right exit code, and nothing left behind.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    client::Client,
    nginx::Nginx,
    probe::{Probe, binary},
};

/// How the names of the probe's programs begin; the kernel keeps fifteen bytes of a name.
const OURS: [&str; 5] = ["sys_exit_", "sock_send_", "sock_recv_", "datagram_from_", "tcp_destroy_"];

/// Programs of the probe that are loaded in the kernel now.
fn loaded_programs() -> usize {
    aya::programs::loaded_programs()
        .flatten()
        .filter(|program| {
            program.name_as_str().is_some_and(|name| OURS.iter().any(|ours| name.starts_with(ours)))
        })
        .count()
}

/// Waits until none is loaded any more: the kernel lets go of them a moment after their owner has ended.
fn assert_nothing_is_left() -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while loaded_programs() != 0 {
        ensure!(Instant::now() < deadline, "{} programs are still loaded", loaded_programs());
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn assert_refused(output: &Output, sentence: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(sentence), "{said}");
    assert!(said.trim_end().lines().count() == 1, "one sentence: {said}");
}

#[test]
fn without_privileges_it_says_which_are_needed() -> Result<()> {
    // A copy where everyone may read it: the repository may lie where only its owner may go.
    let directory = tempfile::tempdir_in("/tmp")?;
    let copy = directory.path().join("plainsight");
    std::fs::copy(binary()?, &copy)?;
    Command::new("chmod").arg("a+rx").arg(directory.path()).arg(&copy).status()?;
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set=-all"])
        .arg(&copy)
        .arg("watch")
        .output()?;
    assert_refused(&output, "CAP_BPF");
    Ok(())
}

#[test]
fn on_a_kernel_without_types_it_says_what_the_kernel_lacks() -> Result<()> {
    let script = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" watch --for 1s";
    let output = Command::new("unshare").args(["--mount", "sh", "-c", script]).arg(binary()?).output()?;
    assert_refused(&output, "CONFIG_DEBUG_INFO_BTF");
    Ok(())
}

#[test]
fn a_full_disk_ends_the_observation_with_the_reason() -> Result<()> {
    let nginx = Nginx::start()?;
    let port = nginx.address.port().to_string();
    let mut child = Command::new(binary()?)
        .args(["watch", "--json", "--port", &port, "--for", "20s"])
        .stdout(File::options().write(true).open("/dev/full")?)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stderr.take().context("its error stream")?).lines();
    ensure!(said.next().context("a first line")??.contains("watching"));
    Client::connect(nginx.address)?.get("/tiny")?;
    let said: Vec<_> = said.collect::<std::io::Result<_>>()?;
    assert_eq!(child.wait()?.code(), Some(1), "{said:?}");
    assert!(said.iter().any(|line| line.contains("No space left")), "{said:?}");
    assert_nothing_is_left()
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() -> Result<()> {
    let nginx = Nginx::start()?;
    let port = nginx.address.port().to_string();
    let mut child = Command::new(binary()?)
        .args(["watch", "--json", "--port", &port, "--for", "20s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stderr.take().context("its error stream")?).lines();
    ensure!(said.next().context("a first line")??.contains("watching"));
    drop(child.stdout.take());
    Client::connect(nginx.address)?.get("/tiny")?;
    let begun = Instant::now();
    assert_eq!(child.wait()?.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "it ended by itself only");
    let said: Vec<_> = said.collect::<std::io::Result<_>>()?;
    assert!(!said.iter().any(|line| line.contains("error") || line.contains("panic")), "{said:?}");
    assert_nothing_is_left()
}

#[test]
fn an_interrupt_ends_it_with_a_summary_and_nothing_attached() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = Probe::start(&["--port", &nginx.address.port().to_string()])?;
    assert!(loaded_programs() > 0, "the test must be able to see loaded programs");
    Client::connect(nginx.address)?.get("/tiny")?;
    let outcome = probe.stop()?;
    assert_eq!(outcome.status.code(), Some(0));
    assert!(
        outcome.messages.iter().any(|line| line.contains("2 exchanges seen, 0 events lost")),
        "{:?}",
        outcome.messages
    );
    assert_nothing_is_left()
}

#[test]
fn a_kill_leaves_nothing_attached() -> Result<()> {
    let probe = Probe::start(&[])?;
    // Dropping it sends SIGKILL.
    drop(probe);
    assert_nothing_is_left()
}

/// A terminal of its own, in which a shell runs: one tmux server for each, named after its purpose.
struct Terminal(String);

impl Terminal {
    fn open(purpose: &str) -> Result<Self> {
        let terminal = Self(format!("plainsight-{}-{purpose}", std::process::id()));
        let status = terminal.tmux(&["new-session", "-d", "-x", "140", "-y", "30", "sh"]).status();
        ensure!(status.context("tmux")?.success(), "tmux does not start");
        Ok(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.0]).args(arguments);
        command
    }

    fn keys(&self, keys: &[&str]) -> Result<()> {
        self.tmux(&[&["send-keys"], keys].concat()).status()?;
        Ok(())
    }

    fn wait_for(&self, text: &str) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let output = self.tmux(&["capture-pane", "-p"]).output()?;
            let screen = String::from_utf8_lossy(&output.stdout).into_owned();
            if screen.contains(text) {
                return Ok(screen);
            }
            ensure!(Instant::now() < deadline, "no {text:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).status();
    }
}

#[test]
fn the_live_table_shows_exchanges_and_gives_the_terminal_back() -> Result<()> {
    let nginx = Nginx::start()?;
    let port = nginx.address.port();
    for end in ["q", "C-c"] {
        let terminal = Terminal::open(end)?;
        let command = format!(
            "{} --port {port}; echo code $?; stty -a | tr ' ' '\\n' | grep -x -e -echo -e echo",
            binary()?.display()
        );
        terminal.keys(&[&command, "Enter"])?;
        terminal.wait_for("nothing")?;
        let mut client = Client::connect(nginx.address)?;
        client.get("/tiny")?;
        client.get("/missing")?;
        let screen = terminal.wait_for("/missing 404")?;
        assert!(screen.contains("/tiny 200") && screen.contains("nginx"), "{screen}");
        terminal.keys(&[end])?;
        let screen = terminal.wait_for("code 0")?;
        assert!(screen.contains("4 exchanges seen, 0 events lost"), "{screen}");
        let screen = terminal.wait_for("\necho\n")?;
        assert!(!screen.contains("/missing 404"), "the shell's own screen is back:\n{screen}");
    }
    assert_nothing_is_left()
}
