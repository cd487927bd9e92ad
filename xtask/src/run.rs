//! `cargo xtask run`: from a fresh clone to the live view.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result};

use crate::{build, privilege, setup, workspace::Workspace};

/// First arguments with which `plainsight` does not load anything into the kernel.
const UNPRIVILEGED: [&str; 8] = ["replay", "check", "logs", "help", "--help", "-h", "--version", "-V"];

/// Builds `plainsight` and becomes it.
pub(crate) fn run(workspace: &Workspace, options: &setup::Options, arguments: &[OsString]) -> Result<()> {
    setup::run(workspace, options)?;
    let program = build::release(workspace)?;
    let mut words: Vec<OsString> = Vec::new();
    if needs_root(arguments) {
        let elevation = privilege::elevation("load programs into the kernel")?;
        words.extend(elevation.into_iter().map(OsString::from));
    }
    words.push(program.into());
    words.extend(arguments.iter().cloned());
    println!("starting {}", words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "));
    let error = Command::new(&words[0]).args(&words[1..]).exec();
    Err(error).with_context(|| format!("cannot start {}", words[0].to_string_lossy()))
}

fn needs_root(arguments: &[OsString]) -> bool {
    let asks_for_help = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    let first = arguments.first().and_then(|argument| argument.to_str());
    !asks_for_help && !first.is_some_and(|first| UNPRIVILEGED.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs_root_for(line: &str) -> bool {
        needs_root(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_loads_programs_into_the_kernel_runs_as_root() {
        assert!(needs_root_for(""));
        assert!(needs_root_for("watch http --json"));
        assert!(needs_root_for("--port 80"));
        assert!(needs_root_for("doctor"));
    }

    #[test]
    fn reading_a_capture_or_the_help_needs_no_root() {
        assert!(!needs_root_for("replay a.pcap --json"));
        assert!(!needs_root_for("watch --help"));
        assert!(!needs_root_for("--version"));
    }
}
