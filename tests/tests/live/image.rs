//! The container image, built by its Dockerfile: what is in it, and that it works.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result};
use plainsight_tests::{image::Builder, nginx::Nginx, probe::Probe};
use serde_json::Value;

const IMAGE: &str = "localhost/plainsight";

/// Bytes that the image may have: a program with its kernel programs, and certificates.
const LARGEST: u64 = 60 << 20;

/// Enters the image's file system with the kernel's own mounted, which nobody else sees. The image has neither a shell nor a
/// library.
const ENTER: &str = "set -e; root=$1; shift; mkdir -p $root/proc $root/sys; mount --rbind /proc $root/proc; \
                     mount --rbind /sys $root/sys; exec chroot $root /usr/bin/plainsight \"$@\"";

fn in_image(root: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ENTER, "sh"]).arg(root);
    command
}

fn run(root: &Path, arguments: &[&str]) -> Result<Output> {
    in_image(root).args(arguments).output().context("starting the image's program")
}

fn files(folder: &Path, root: &Path, found: &mut BTreeSet<String>) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += files(&entry.path(), root, found)?;
        } else {
            bytes += entry.metadata()?.len();
            found.insert(entry.path().strip_prefix(root)?.display().to_string());
        }
    }
    Ok(bytes)
}

fn checked(root: &Path) -> Result<()> {
    let mut found = BTreeSet::new();
    let bytes = files(root, root, &mut found)?;
    let expected = [
        "etc/plainsight/LICENSE-APACHE",
        "etc/plainsight/LICENSE-MIT",
        "etc/plainsight/plainsight.yaml",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/plainsight",
    ];
    assert_eq!(found, expected.map(str::to_owned).into_iter().collect());
    assert!(bytes <= LARGEST, "{bytes} bytes");
    println!("{} bytes in {} files", bytes, found.len());

    let version = run(root, &["--version"])?;
    assert!(version.stdout.starts_with(b"plainsight "), "{version:?}");
    let check = run(root, &["check", "/etc/plainsight/plainsight.yaml"])?;
    assert_eq!(check.status.code(), Some(0), "{check:?}");

    // Both ends of a request are seen from within.
    let nginx = Nginx::start()?;
    let mut command = in_image(root);
    command.args(["watch", "--json", "--port", &nginx.address.port().to_string()]);
    let probe = Probe::start_as(command)?;
    let fetched = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", &format!("http://{}/tiny", nginx.address)])
        .status()?;
    assert!(fetched.success());
    let outcome = probe.stop()?;
    assert_eq!(
        (outcome.side("client").len(), outcome.side("server").len()),
        (1, 1),
        "{:?}",
        outcome.messages
    );
    Ok(())
}

#[test]
fn the_dockerfile_makes_a_small_image_that_works() -> Result<()> {
    let builder = Builder::new()?;
    builder.build(IMAGE)?;
    let described = builder.buildah("inspect").args(["--type", "image", IMAGE]).output()?;
    let described: Value = serde_json::from_slice(&described.stdout)?;
    let config = &described["OCIv1"]["config"];
    assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/bin/plainsight"]));
    assert_eq!(config["Cmd"], serde_json::json!(["run", "--config", "/etc/plainsight/plainsight.yaml"]));
    builder.within(IMAGE, checked)
}
