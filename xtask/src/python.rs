//! A Python of the tests' own, with the libraries that their servers and clients use, below `target/`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{
    apt::{Need, install_missing},
    command,
    workspace::Workspace,
};

/// Tells the tests which interpreter it is.
pub(crate) const VARIABLE: &str = "PLAINSIGHT_PYTHON";

/// What is installed, each at the version that the tests were written with.
const PACKAGES: [&str; 10] = [
    "aiokafka==0.14.0",
    "confluent-kafka==2.16.1",
    "grpcio==1.85.3",
    "mockupdb==1.8.1",
    "mysql-connector-python==26.10.0",
    "opentelemetry-proto==1.45.2",
    "psycopg[binary]==3.3.9",
    "pymongo==4.20.1",
    "PyMySQL==1.2.4",
    "redis==8.1.0",
];

/// Makes the environment, unless it is there and has everything. Gives the interpreter.
pub(crate) fn environment(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cache("python")?;
    let interpreter = folder.join("bin/python");
    let list = folder.join("installed");
    let wanted = PACKAGES.join("\n");
    if interpreter.exists() && std::fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    install_missing(&[Need::program("python3", "python3")])?;
    if !can_make_environments() {
        // Debian leaves this part of the standard library out of the package python3.
        println!("installing the package python3-venv");
        let mut shell = crate::privilege::as_root("sh", "install the package python3-venv")?;
        let script = "export DEBIAN_FRONTEND=noninteractive; apt-get --quiet=2 update || true; \
                      apt-get --quiet=2 --yes --no-install-recommends install python3-venv";
        command::run(shell.args(["-c", script])).context("`apt-get install python3-venv` tells why")?;
    }
    println!("installing {} for the tests' own Python", PACKAGES.join(", "));
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    command::run(
        Command::new(&interpreter)
            .args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"])
            .args(PACKAGES),
    )
    .context("the Python packages could not be fetched; the live tests need a package index")?;
    std::fs::write(&list, wanted).with_context(|| format!("cannot write {}", list.display()))?;
    Ok(interpreter)
}

fn can_make_environments() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
