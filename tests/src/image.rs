//! Builds the container image by buildah, without a daemon and without an image of anybody else.
//!
//! The Dockerfile is the real one. In the place of Rust's image, which lies in a registry that not every machine reaches,
//! stands one that consists of this machine's tool-chain: its folders are mounted into an otherwise empty image.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The empty image with the tool-chain's folders.
const BUILDER: &str = "localhost/plainsight-builder";

/// The environment of Rust's own image.
const BASE: &str = "FROM scratch\n\
    COPY base/ /\n\
    ENV PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\n\
    ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo\n";

/// Where images, caches and temporary files are kept. What was compiled once is compiled no more.
pub struct Builder {
    home: PathBuf,
}

impl Builder {
    /// Prepares a place below `target/`.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn new() -> Result<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/container");
        fs::create_dir_all(&home)?;
        let home = home.canonicalize()?;
        for folder in ["storage", "run", "tmp"] {
            fs::create_dir_all(home.join(folder))?;
        }
        Ok(Self { home })
    }

    /// A buildah command that leaves the machine's own images alone.
    #[must_use]
    pub fn buildah(&self, subcommand: &str) -> Command {
        let mut command = Command::new("buildah");
        command
            .arg("--root")
            .arg(self.home.join("storage"))
            .arg("--runroot")
            .arg(self.home.join("run"))
            .args(["--storage-driver", "vfs", subcommand])
            .env("TMPDIR", self.home.join("tmp"));
        command
    }

    /// Builds `deploy/container/Dockerfile` and gives the image its name.
    ///
    /// # Errors
    /// If buildah is not installed, or a step fails.
    pub fn build(&self, name: &str) -> Result<()> {
        self.builder()?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let mut build = self.buildah("build");
        build.args(["--isolation", "chroot", "--network", "host", "--layers=false"]);
        for (here, there) in toolchain()? {
            build.arg("--volume").arg(format!("{}:{there}:ro", here.display()));
        }
        if let Some(jobs) = std::env::var_os("CARGO_BUILD_JOBS") {
            let mut argument = std::ffi::OsString::from("CARGO_BUILD_JOBS=");
            argument.push(jobs);
            build.arg("--build-arg").arg(argument);
        }
        build
            .args(["--build-arg", &format!("BUILDER={BUILDER}")])
            .args(["--tag", name, "--file"])
            .arg(root.join("deploy/container/Dockerfile"))
            .arg(&root);
        run(&mut build)?;
        // What the name meant before.
        run(self.buildah("rmi").arg("--prune"))
    }

    /// Mounts an image's file system, calls `look` with its place, and unmounts it.
    ///
    /// # Errors
    /// If that fails, or `look` does.
    pub fn within<T>(&self, name: &str, look: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let container = output(self.buildah("from").args(["--pull-never", name]))?;
        let place = output(self.buildah("mount").arg(&container))?;
        let result = look(Path::new(&place));
        output(self.buildah("rm").arg(&container))?;
        result
    }

    fn builder(&self) -> Result<()> {
        let context = self.home.join("builder");
        if context.exists() {
            fs::remove_dir_all(&context)?;
        }
        let base = context.join("base");
        for folder in ["usr/local/cargo", "usr/local/rustup", "etc", "tmp", "root"] {
            fs::create_dir_all(base.join(folder))?;
        }
        for folder in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{folder}"), base.join(folder))?;
        }
        fs::write(context.join("Dockerfile"), BASE)?;
        run(self.buildah("build").args(["--isolation", "chroot", "--tag", BUILDER]).arg(&context))
    }
}

/// Folders of this machine, and where Rust's image has them.
fn toolchain() -> Result<Vec<(PathBuf, String)>> {
    let home = |variable: &str, usual: &str| {
        let given = std::env::var_os(variable).map(PathBuf::from);
        let user = std::env::var_os("HOME").map(|home| Path::new(&home).join(usual));
        given.or(user).filter(|path| path.exists()).with_context(|| format!("{variable} is not set"))
    };
    let mut folders = vec![
        (home("RUSTUP_HOME", ".rustup")?, "/usr/local/rustup".to_owned()),
        (home("CARGO_HOME", ".cargo")?.join("bin"), "/usr/local/cargo/bin".to_owned()),
    ];
    for entry in fs::read_dir("/usr")? {
        let path = entry?.path();
        if path.is_dir() && path != Path::new("/usr/local") {
            folders.push((path.clone(), path.display().to_string()));
        }
    }
    for path in ["/etc/alternatives", "/etc/ssl"] {
        folders.push((path.into(), path.to_owned()));
    }
    Ok(folders)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context("starting buildah (apt-get install buildah)")?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().context("starting buildah (apt-get install buildah)")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
