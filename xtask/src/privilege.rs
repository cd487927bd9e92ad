//! Being root, or becoming root for one command.

use std::{
    io::{IsTerminal as _, stdin},
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::command;

/// Whether xtask itself runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Words to put before a command line so that it runs as root, asking for a password now if that takes one.
///
/// `purpose` completes the sentence "root is needed to …".
pub(crate) fn elevation(purpose: &str) -> Result<Vec<&'static str>> {
    if is_root() {
        return Ok(Vec::new());
    }
    if command::find("sudo").is_none() {
        bail!("root is needed to {purpose}, and there is no sudo: run the same command as root");
    }
    let without_password = Command::new("sudo")
        .args(["-n", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !without_password {
        if !stdin().is_terminal() {
            bail!(
                "root is needed to {purpose}, and sudo would ask for a password: run the same command as root"
            );
        }
        println!("root is needed to {purpose}; sudo may ask for your password");
        command::run(Command::new("sudo").arg("-v"))?;
    }
    Ok(vec!["sudo", "--preserve-env"])
}

/// A command that runs `program` as root.
pub(crate) fn as_root(program: &str, purpose: &str) -> Result<Command> {
    let mut words = elevation(purpose)?;
    words.push(program);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    Ok(command)
}
