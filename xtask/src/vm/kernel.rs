//! The kernels of the matrix, from Debian's kernel packages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt::{Repositories, Section, Suite},
    workspace::Workspace,
};

/// A kernel that the probe must work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// How a person names it, such as `6.1`.
    pub(crate) name: &'static str,
    /// The series, as the beginning of its version; `None` for the newest there is.
    series: Option<&'static str>,
    /// Where to look, in this order; for the newest, everywhere.
    suites: &'static [(Section, &'static str)],
}

/// The matrix: the long-term kernels in use, and what comes next.
pub(crate) const MATRIX: [Wanted; 4] = [
    Wanted {
        name: "5.10",
        series: Some("5.10."),
        suites: &[(Section::Security, "bullseye-security"), (Section::Main, "bullseye")],
    },
    Wanted {
        name: "6.1",
        series: Some("6.1."),
        suites: &[
            (Section::Security, "bookworm-security"),
            (Section::Security, "bullseye-security"),
            (Section::Main, "bookworm"),
        ],
    },
    Wanted {
        name: "6.12",
        series: Some("6.12."),
        suites: &[
            (Section::Main, "bookworm-backports"),
            (Section::Security, "trixie-security"),
            (Section::Main, "trixie"),
        ],
    },
    Wanted {
        name: "newest",
        series: None,
        suites: &[
            (Section::Main, "trixie-backports"),
            (Section::Main, "experimental"),
            (Section::Main, "sid"),
        ],
    },
];

/// A kernel image at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Its release, as `uname -r` will print it.
    pub(crate) release: String,
    /// The image to boot.
    pub(crate) image: PathBuf,
}

/// A package that may hold a kernel image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    numbers: Vec<u64>,
    release: String,
    package: String,
}

impl Wanted {
    /// Finds the kernel, fetching it unless the one that was fetched before is still the one wanted.
    pub(crate) fn obtain(&self, workspace: &Workspace) -> Result<Kernel> {
        let folder = workspace.cache("vm")?.join("kernels").join(self.name);
        match self.look_up(workspace).and_then(|(suite, candidates)| fetch(&folder, &suite, &candidates)) {
            Ok(kernel) => Ok(kernel),
            Err(error) => match kept(&folder) {
                Some(kernel) => {
                    println!("using the kernel {} fetched before: {error:#}", kernel.release);
                    Ok(kernel)
                }
                None => Err(error).with_context(|| format!("no kernel {} to boot", self.name)),
            },
        }
    }

    /// The suite that has the kernel, and its packages, newest first.
    fn look_up(&self, workspace: &Workspace) -> Result<(Suite, Vec<Candidate>)> {
        let repositories = Repositories::of_this_machine(workspace)?;
        let mut best: Option<(Suite, Vec<Candidate>)> = None;
        let mut failures = Vec::new();
        for &(section, name) in self.suites {
            let suite = match Suite::open(workspace, &repositories, section, name) {
                Ok(suite) => suite,
                Err(error) => {
                    failures.push(format!("{error:#}"));
                    continue;
                }
            };
            let mut names = suite.package_names("linux-binary-")?;
            names.extend(suite.package_names("linux-image-")?);
            let candidates = candidates(&names, self.series);
            let newest =
                |candidates: &[Candidate]| candidates.first().map(|candidate| candidate.numbers.clone());
            if newest(&candidates) > best.as_ref().and_then(|(_, candidates)| newest(candidates)) {
                best = Some((suite, candidates));
                if self.series.is_some() {
                    break;
                }
            }
        }
        best.with_context(|| {
            let suites: Vec<&str> = self.suites.iter().map(|&(_, name)| name).collect();
            format!("no package of it in Debian's {}. {}", suites.join(", "), failures.join("; "))
        })
    }
}

/// Packages with an image of the cloud flavour, which has what a virtual machine needs and is small, newest first.
///
/// Up to 6.12 the image is in `linux-image-*`; later that is empty and depends on `linux-binary-*`, so the latter come
/// first.
fn candidates(names: &[String], series: Option<&str>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = names
        .iter()
        .filter_map(|package| {
            let version =
                package.strip_prefix("linux-binary-").or_else(|| package.strip_prefix("linux-image-"))?;
            let release = version.strip_suffix("-unsigned").unwrap_or(version);
            let version = release.strip_suffix("-cloud-amd64")?;
            let fits = version.starts_with(|first: char| first.is_ascii_digit())
                && series.is_none_or(|series| version.starts_with(series));
            let numbers = version
                .split(|character: char| !character.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            fits.then(|| Candidate { numbers, release: release.to_owned(), package: package.clone() })
        })
        .collect();
    found.sort_by(|a, b| b.numbers.cmp(&a.numbers).then_with(|| a.package.cmp(&b.package)));
    found
}

/// The image of the newest candidate, from the folder or else from the suite.
fn fetch(folder: &Path, suite: &Suite, candidates: &[Candidate]) -> Result<Kernel> {
    let newest = candidates.first().context("no kernel package")?;
    if let Some(kernel) = kept(folder).filter(|kernel| kernel.release == newest.release) {
        return Ok(kernel);
    }
    for candidate in candidates.iter().filter(|candidate| candidate.release == newest.release) {
        let unpacked = folder.join("package");
        let _ = fs::remove_dir_all(&unpacked);
        suite.unpack(&candidate.package, None, &unpacked)?;
        if let Some(image) = find_image(&unpacked) {
            let _ = fs::remove_file(folder.join("release"));
            let kept = folder.join("vmlinuz");
            fs::rename(&image, &kept)
                .with_context(|| format!("cannot move the kernel image to {}", kept.display()))?;
            fs::write(folder.join("release"), &candidate.release)
                .with_context(|| format!("cannot write to {}", folder.display()))?;
            let _ = fs::remove_dir_all(&unpacked);
            return Ok(Kernel { release: candidate.release.clone(), image: kept });
        }
    }
    bail!("the packages of {} in Debian {} hold no kernel image", newest.release, suite.name())
}

/// The kernel that was fetched before.
fn kept(folder: &Path) -> Option<Kernel> {
    let release = fs::read_to_string(folder.join("release")).ok()?;
    let image = folder.join("vmlinuz");
    image.is_file().then_some(Kernel { release, image })
}

/// The first file named `vmlinuz…` below a folder.
fn find_image(folder: &Path) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()?.filter_map(Result::ok) {
            let kind = entry.file_type().ok()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.file_name().to_string_lossy().starts_with("vmlinuz") {
                return Some(entry.path());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(names: &[&str], series: Option<&str>) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        candidates(&names, series).into_iter().map(|candidate| candidate.package).collect()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = ["linux-image-5.10.0-9-cloud-amd64", "linux-image-5.10.0-46-cloud-amd64"];
        assert_eq!(packages(&names, Some("5.10."))[0], "linux-image-5.10.0-46-cloud-amd64");
    }

    #[test]
    fn debug_packages_metapackages_and_other_flavours_are_left_out() {
        let names = [
            "linux-image-6.1.0-50-cloud-amd64-dbg",
            "linux-image-cloud-amd64",
            "linux-image-6.1.0-50-rt-amd64",
            "linux-image-6.1.0-50-cloud-amd64-unsigned",
        ];
        assert_eq!(packages(&names, Some("6.1.")), ["linux-image-6.1.0-50-cloud-amd64-unsigned"]);
    }

    #[test]
    fn another_series_that_begins_with_the_same_digits_is_not_taken() {
        let names = ["linux-image-6.12.107+deb13-cloud-amd64", "linux-image-6.1.0-50-cloud-amd64"];
        assert_eq!(packages(&names, Some("6.1.")), ["linux-image-6.1.0-50-cloud-amd64"]);
    }

    #[test]
    fn the_package_that_holds_the_image_comes_before_the_one_that_depends_on_it() {
        let names = ["linux-image-7.3.4+deb13-cloud-amd64", "linux-binary-7.3.4+deb13-cloud-amd64"];
        assert_eq!(packages(&names, None)[0], "linux-binary-7.3.4+deb13-cloud-amd64");
    }
}
