//! Installing what is missing on this machine, without leaving a server running behind.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{command, privilege};

/// A program, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Name of the program.
    pub(crate) program: &'static str,
    /// The package.
    pub(crate) package: &'static str,
    /// The service that the package would start, if any.
    pub(crate) service: Option<&'static str>,
}

impl Need {
    /// A program without a service.
    pub(crate) const fn program(program: &'static str, package: &'static str) -> Self {
        Self { program, package, service: None }
    }

    /// A server that is wanted as a program, not as a service of this machine.
    pub(crate) const fn server(program: &'static str, package: &'static str, service: &'static str) -> Self {
        Self { program, package, service: Some(service) }
    }
}

/// Installs packages without asking and without starting or enabling their services.
///
/// Debian's maintainer scripts ask `policy-rc.d` whether they may start a service; 101 means no. The script puts its
/// own there for as long as it runs, unless the machine has one already.
const INSTALL: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get --quiet=2 --no-install-recommends --yes -o Dpkg::Use-Pty=0 install $PACKAGES; }
if ! apt-get --quiet=2 --simulate --no-install-recommends install $PACKAGES >/dev/null 2>&1; then
    apt-get --quiet=2 update || true
fi
install || { apt-get --quiet=2 update || true; install; }
for service in $SERVICES; do
    if [ -d /run/systemd/system ]; then systemctl --quiet disable "$service" || true
    else update-rc.d "$service" disable || true; fi
done
"#;

/// Installs the packages of those programs that this machine lacks.
pub(crate) fn install_missing(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| command::find(need.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = joined(missing.iter().map(|need| need.package));
    if !Path::new("/usr/bin/apt-get").exists() {
        let programs = joined(missing.iter().map(|need| need.program));
        bail!(
            "this machine lacks {programs} and has no apt-get: install them with its own package manager \
             (Debian's packages are called {packages})"
        );
    }
    println!("installing the packages {packages}");
    let mut shell = privilege::as_root("sh", &format!("install the packages {packages}"))?;
    install(&mut shell, &packages, &joined(missing.iter().filter_map(|need| need.service)))
        .with_context(|| format!("cannot install {packages}; `apt-get install {packages}` tells why"))?;
    match missing.iter().find(|need| command::find(need.program).is_none()) {
        None => Ok(()),
        Some(need) => {
            bail!("the package {} is installed, yet there is no program {}", need.package, need.program)
        }
    }
}

fn install(shell: &mut Command, packages: &str, services: &str) -> Result<()> {
    let script = format!("PACKAGES='{packages}'\nSERVICES='{services}'\n{INSTALL}");
    command::run(shell.arg("-c").arg(script).arg("install-packages"))
        .map_err(|_| anyhow::anyhow!("apt-get did not succeed"))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_installed_when_nothing_is_missing() {
        install_missing(&[Need::program("sh", "a-package-that-does-not-exist")]).expect("sh is there");
    }

    #[test]
    fn a_package_that_several_programs_need_is_named_once() {
        assert_eq!(joined(["redis-tools", "nginx", "redis-tools"].into_iter()), "nginx redis-tools");
    }
}
