//! A database of metrics that takes OTLP and answers Prometheus' queries, for the test that sends to one. Debian 12 has
//! one too old for that, and its Prometheus is built without the receiver in every suite.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt::{Repositories, Section, Suite},
    workspace::Workspace,
};

/// Tells the tests where the program is.
pub(crate) const VARIABLE: &str = "PLAINSIGHT_VICTORIA_METRICS";

/// Debian's name of it, and of the program in it.
const PACKAGE: &str = "victoria-metrics";

/// Suites whose program takes OTLP and runs with the C library of Debian 12, in the order in which they are asked.
const SUITES: [&str; 2] = ["trixie", "sid"];

/// Fetches it, unless it is there, without installing it. Gives the program.
pub(crate) fn program(workspace: &Workspace) -> Result<PathBuf> {
    let unpacked = workspace.cache("victoria-metrics")?.join("package");
    let program = unpacked.join("usr/bin").join(PACKAGE);
    if program.is_file() {
        return Ok(program);
    }
    let repositories = Repositories::of_this_machine(workspace)?;
    let mut reasons = Vec::new();
    for name in SUITES {
        let fetched = Suite::open(workspace, &repositories, Section::Main, name)
            .and_then(|suite| suite.unpack(PACKAGE, None, &unpacked));
        match fetched {
            Ok(()) if program.is_file() => return Ok(program),
            Ok(()) => reasons.push(format!("that of Debian {name} has no {}", program.display())),
            Err(error) => reasons.push(format!("Debian {name}: {error:#}")),
        }
        // What is there in part would be taken for whole.
        if unpacked.exists() {
            fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
        }
    }
    bail!(
        "no VictoriaMetrics can be fetched ({}): put one of 1.97 or later at {}",
        reasons.join("; "),
        program.display()
    )
}
