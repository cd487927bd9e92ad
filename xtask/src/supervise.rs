//! Running other programs with a time limit, seeing each line they print.

use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{command, interrupt::Group};

/// How a supervised program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself.
    Exited(ExitStatus),
    /// It was killed, with its children, because its time was over.
    TimedOut,
}

/// Time that a program's output may go on after the program itself has ended, held open by a child of its own.
const LINGER: Duration = Duration::from_secs(1);

/// Runs a command to its end or to the time limit, and calls `each_line` with every line of its standard output and
/// standard error. None of its children outlives it.
pub(crate) fn supervise(
    command: &mut Command,
    limit: Duration,
    mut each_line: impl FnMut(&str),
) -> Result<Ending> {
    let line = command::line(command);
    let deadline = Instant::now() + limit;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let group = Group::new(child.id());
    let lines = merge_lines(child.stdout.take(), child.stderr.take());

    let ending = loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for `{line}`"))? {
            break Ending::Exited(status);
        }
        if Instant::now() >= deadline {
            break Ending::TimedOut;
        }
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(text) => each_line(&text),
            Err(RecvTimeoutError::Timeout) => {}
            // Both ends of its output are closed, so only its end remains to be awaited.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(20)),
        }
    };
    drop(group);
    child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    let last_moment = Instant::now() + LINGER;
    while let Ok(text) = lines.recv_timeout(last_moment.saturating_duration_since(Instant::now())) {
        each_line(&text);
    }
    Ok(ending)
}

fn merge_lines(
    standard_output: Option<impl Read + Send + 'static>,
    standard_error: Option<impl Read + Send + 'static>,
) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = standard_output {
        send_lines(stream, sender.clone());
    }
    if let Some(stream) = standard_error {
        send_lines(stream, sender);
    }
    receiver
}

fn send_lines(stream: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> (Ending, Vec<String>) {
        let mut lines = Vec::new();
        let ending =
            supervise(Command::new("sh").args(["-c", script]), limit, |line| lines.push(line.to_owned()))
                .expect("sh runs");
        (ending, lines)
    }

    #[test]
    fn every_line_is_seen_before_the_ending_is_told() {
        let (ending, lines) = shell("seq 1000; exit 5", Duration::from_secs(20));
        assert!(matches!(ending, Ending::Exited(status) if status.code() == Some(5)), "{ending:?}");
        assert_eq!(lines.len(), 1000);
        assert_eq!(lines.last().map(String::as_str), Some("1000"));
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let began = Instant::now();
        let (ending, lines) = shell("echo begun; sleep 60 & wait", Duration::from_millis(300));
        assert_eq!(ending, Ending::TimedOut);
        assert_eq!(lines, ["begun"]);
        assert!(began.elapsed() < Duration::from_secs(10), "the child held the output open");
    }

    #[test]
    fn a_child_that_outlives_its_parent_does_not_hold_things_up() {
        let began = Instant::now();
        let (ending, _) = shell("sleep 60 & echo left a child behind", Duration::from_secs(30));
        assert!(matches!(ending, Ending::Exited(status) if status.success()), "{ending:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
