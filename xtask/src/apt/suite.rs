//! One suite of Debian's archive, read by an apt of its own that leaves the machine's untouched.
//!
//! apt itself checks what it fetches: the suite's signature with Debian's keyring, and every file's size and digest
//! with what the suite says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};

use super::mirror::{Repositories, Section};
use crate::{command, workspace::Workspace};

/// Where the package debian-archive-keyring puts the keys of all releases that are still served.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Age at which a suite's package list is read again.
const LIST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A suite that can be looked through and fetched from.
#[derive(Debug)]
pub(crate) struct Suite {
    name: String,
    configuration: PathBuf,
    update_mark: PathBuf,
}

impl Suite {
    /// Opens a suite, reading its package list if the one at hand is absent or old.
    pub(crate) fn open(
        workspace: &Workspace,
        repositories: &Repositories,
        section: Section,
        name: &str,
    ) -> Result<Self> {
        let uri = repositories.uri(section).context("this machine's apt sources name no Debian mirror")?;
        let directory = workspace.cache("apt")?.join(name);
        let suite = Self {
            name: name.to_owned(),
            configuration: directory.join("apt.conf"),
            update_mark: directory.join("updated"),
        };
        suite.write_configuration(&directory, &uri)?;
        if !suite.is_fresh() {
            suite.update()?;
        }
        Ok(suite)
    }

    fn write_configuration(&self, directory: &Path, uri: &str) -> Result<()> {
        for folder in ["lists/partial", "archives/partial", "parts"] {
            let folder = directory.join(folder);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let signed_by =
            if Path::new(KEYRING).exists() { format!("signed-by={KEYRING} ") } else { String::new() };
        let source = format!("deb [{signed_by}target=Packages] {uri} {} main\n", self.name);
        let root = directory.display();
        let configuration = format!(
            "Dir::Etc::sourcelist \"{root}/sources.list\";\n\
             Dir::Etc::sourceparts \"{root}/parts\";\n\
             Dir::Etc::preferences \"{root}/preferences\";\n\
             Dir::Etc::preferencesparts \"{root}/parts\";\n\
             Dir::State \"{root}\";\n\
             Dir::State::lists \"{root}/lists\";\n\
             Dir::State::status \"{root}/status\";\n\
             Dir::Cache \"{root}\";\n\
             Dir::Cache::archives \"{root}/archives\";\n\
             APT::Sandbox::User \"root\";\n\
             APT::Architecture \"amd64\";\n\
             APT::Architectures \"amd64\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::Retries \"2\";\n\
             Acquire::http::Timeout \"20\";\n\
             Acquire::https::Timeout \"20\";\n\
             // The suites of older releases are no longer signed anew, and what is wanted of them is their age.\n\
             Acquire::Check-Valid-Until \"false\";\n"
        );
        for (name, text) in [("sources.list", source), ("status", String::new()), ("apt.conf", configuration)]
        {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        let modified = fs::metadata(&self.update_mark).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < LIST_LIFETIME))
    }

    fn update(&self) -> Result<()> {
        println!("reading the package list of Debian {}", self.name);
        command::output(self.apt("apt-get").args(["--quiet=2", "--error-on=any", "update"]))
            .with_context(|| format!("cannot read the package list of Debian {}", self.name))?;
        fs::write(&self.update_mark, "")
            .with_context(|| format!("cannot write {}", self.update_mark.display()))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.configuration);
        command
    }

    /// The suite's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Names of all packages that begin so.
    pub(crate) fn package_names(&self, prefix: &str) -> Result<Vec<String>> {
        let printed = command::output(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// All versions of a package that the suite carries.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        // Each line reads `package | version | source`.
        let printed = command::output(self.apt("apt-cache").args(["madison", package]))?;
        Ok(printed
            .lines()
            .filter_map(|line| line.split('|').nth(1))
            .map(|version| version.trim().to_owned())
            .collect())
    }

    /// Fetches a package, of that version if one is given, and unpacks its files below `destination`.
    pub(crate) fn unpack(&self, package: &str, version: Option<&str>, destination: &Path) -> Result<()> {
        let folder = destination.with_extension("download");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let wanted = version.map_or_else(|| package.to_owned(), |version| format!("{package}={version}"));
        println!("fetching {wanted} from Debian {}", self.name);
        let fetch = || {
            command::output(self.apt("apt-get").args(["--quiet=2", "download", &wanted]).current_dir(&folder))
                .with_context(|| format!("cannot fetch {wanted} from Debian {}", self.name))
        };
        // A package that was superseded since the list was read is gone from the mirror.
        fetch().or_else(|_| self.update().and_then(|()| fetch()))?;
        let archive = fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
        let Some(archive) = archive else {
            bail!("apt-get says it fetched {wanted} and left no file in {}", folder.display());
        };
        fs::create_dir_all(destination)
            .with_context(|| format!("cannot make the folder {}", destination.display()))?;
        command::output(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(destination))?;
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }
}
