//! Which Debian mirrors this machine uses, as its own apt is set up.
//!
//! No mirror is named in this repository: a company's machines reach the company's mirror and nothing else.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{command, workspace::Workspace};

/// Which of Debian's two archives a suite lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The releases and what is prepared for them.
    Main,
    /// Security updates.
    Security,
}

/// One line of `apt-get indextargets`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Repository {
    label: String,
    uri: String,
    release: String,
}

/// The Debian archives that this machine reaches.
#[derive(Debug, Clone)]
pub(crate) struct Repositories {
    repositories: Vec<Repository>,
}

impl Repositories {
    /// Asks apt, which reads every format its sources may have.
    pub(crate) fn of_this_machine(workspace: &Workspace) -> Result<Self> {
        if command::find("apt-get").is_none() {
            bail!(
                "packages of other Debian releases are fetched with apt-get, which this machine lacks: \
                 use a Debian machine or container"
            );
        }
        let known = Self::ask(None)?;
        if known.uri(Section::Main).is_some() {
            return Ok(known);
        }
        // A container image without package lists. They are read into a place of our own: it needs no root.
        let lists = workspace.cache("apt")?.join("machine-lists");
        fs::create_dir_all(lists.join("partial"))
            .with_context(|| format!("cannot make the folder {}", lists.display()))?;
        println!("reading the package lists of this machine's apt sources");
        // A foreign source that cannot be reached fails the whole update, and does not matter here.
        let _ = command::output(apt_get(Some(&lists)).args(["-o", "APT::Sandbox::User=root", "update"]));
        let known = Self::ask(Some(&lists))?;
        if known.uri(Section::Main).is_none() {
            bail!(
                "this machine's apt sources name no Debian mirror (or none that answers): \
                 use a Debian machine or container with network access"
            );
        }
        Ok(known)
    }

    fn ask(lists: Option<&Path>) -> Result<Self> {
        let printed = command::output(apt_get(lists).args([
            "indextargets",
            "--format",
            "$(ORIGIN)|$(LABEL)|$(RELEASE)|$(REPO_URI)",
            "Created-By: Packages",
        ]))?;
        Ok(Self { repositories: printed.lines().filter_map(parse_target).collect() })
    }

    /// Where an archive is. The security archive of a machine whose sources leave it out is guessed to be beside the
    /// main one, as it is on every public mirror.
    pub(crate) fn uri(&self, section: Section) -> Option<String> {
        let labelled = |label: &str| {
            self.repositories
                .iter()
                .find(|repository| repository.label == label)
                .map(|repository| repository.uri.trim_end_matches('/').to_owned())
        };
        let main = labelled("Debian");
        match section {
            Section::Main => main,
            Section::Security => {
                labelled("Debian-Security").or_else(|| main.map(|uri| format!("{uri}-security")))
            }
        }
    }

    /// The release that this machine runs, such as `bookworm`.
    pub(crate) fn release(&self) -> Option<&str> {
        self.repositories
            .iter()
            .filter(|repository| repository.label == "Debian")
            .map(|repository| repository.release.as_str())
            .find(|release| !release.contains('-'))
    }
}

fn apt_get(lists: Option<&Path>) -> Command {
    let mut command = Command::new("apt-get");
    if let Some(lists) = lists {
        command.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
    }
    command
}

fn parse_target(line: &str) -> Option<Repository> {
    let mut fields = line.splitn(4, '|');
    let (origin, label, release, uri) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    (origin == "Debian").then(|| Repository {
        label: label.to_owned(),
        uri: uri.to_owned(),
        release: release.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repositories(targets: &str) -> Repositories {
        Repositories { repositories: targets.lines().filter_map(parse_target).collect() }
    }

    #[test]
    fn sources_of_others_are_left_alone() {
        let found = repositories(
            "Vendor|Vendor|stable|https://packages.example/apt/\nDebian|Debian|trixie|http://mirror.example/debian/",
        );
        assert_eq!(found.uri(Section::Main).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(found.release(), Some("trixie"));
    }

    #[test]
    fn the_security_archive_is_the_one_named_in_the_sources() {
        let found = repositories(
            "Debian|Debian|trixie|http://mirror.example/debian/\n\
             Debian|Debian-Security|trixie-security|http://other.example/sec/",
        );
        assert_eq!(found.uri(Section::Security).as_deref(), Some("http://other.example/sec"));
    }

    #[test]
    fn a_security_archive_that_no_source_names_is_sought_beside_the_main_one() {
        let found = repositories("Debian|Debian|trixie|http://mirror.example/debian/");
        assert_eq!(found.uri(Section::Security).as_deref(), Some("http://mirror.example/debian-security"));
    }

    #[test]
    fn an_updates_suite_is_not_taken_for_the_release() {
        let found = repositories(
            "Debian|Debian|bookworm-updates|http://mirror.example/debian/\n\
             Debian|Debian|bookworm|http://mirror.example/debian/",
        );
        assert_eq!(found.release(), Some("bookworm"));
    }
}
