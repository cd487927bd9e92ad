//! What is mounted in a container while it runs, as `/proc/PID/mountinfo` tells (`proc_pid_mountinfo`(5)).

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use super::view::{Layer, Mount};
use crate::identity::overlay_layers;

/// Bytes that are read of one list; a hundred thousand mounts are no list of a host.
const LIST_BYTES: u64 = 4 << 20;

/// Mounts of one container.
const MOST_MOUNTS: usize = 1000;

/// File systems that hold no logs.
const WITHOUT_FILES: [&str; 8] =
    ["proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "bpf"];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    device: String,
    /// The folder of the file system that is mounted.
    root: PathBuf,
    at: PathBuf,
    kind: String,
    options: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(2);
        let mut after = after.split(' ');
        let (device, root, at) = (before.next()?, before.next()?, before.next()?);
        let (kind, _source, options) = (after.next()?, after.next()?, after.next()?);
        Some(Self {
            device: device.to_owned(),
            root: unescaped(root),
            at: unescaped(at),
            kind: kind.to_owned(),
            options: unescaped(options).to_string_lossy().into_owned(),
        })
    }
}

/// Spaces and the like are written as three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    OsString::from_vec(bytes).into()
}

fn read(path: &Path) -> io::Result<Vec<Line>> {
    let mut text = Vec::new();
    File::open(path)?.take(LIST_BYTES).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().filter_map(Line::parse).collect())
}

/// The mounts of a process, each as folders of the host.
///
/// # Errors
/// If the process is gone.
pub(super) fn mounts(proc: &Path, host_root: &Path, pid: u32) -> io::Result<Vec<Mount>> {
    let own = read(&proc.join(format!("{pid}/mountinfo")))?;
    // Within a container, it is the first process of the host that sees the host's mounts.
    let of_host = if host_root == Path::new("/") { "self/mountinfo" } else { "1/mountinfo" };
    let host = read(&proc.join(of_host)).unwrap_or_default();
    let layers = Layers { host: &host, host_root, process_root: proc.join(format!("{pid}/root")) };
    // What was mounted last covers what was there before.
    let mounts = own.iter().rev().filter(|line| !WITHOUT_FILES.contains(&line.kind.as_str()));
    let mount = |line: &Line| Mount { at: line.at.clone(), layers: layers.of(line) };
    Ok(mounts.take(MOST_MOUNTS).map(mount).collect())
}

struct Layers<'a> {
    host: &'a [Line],
    host_root: &'a Path,
    process_root: PathBuf,
}

impl Layers<'_> {
    fn of(&self, line: &Line) -> Vec<Layer> {
        let on_host = |path: PathBuf| Layer { base: self.host_root.to_owned(), path };
        if line.kind == "overlay" {
            let layers = overlay_layers(line.options.split(','));
            if !layers.is_empty() {
                let rest = line.root.strip_prefix("/").unwrap_or(&line.root);
                return layers.into_iter().map(|layer| on_host(layer.join(rest))).collect();
            }
        }
        let same = self.host.iter().filter(|of_host| of_host.device == line.device);
        let found = same.filter_map(|of_host| Some((of_host, line.root.strip_prefix(&of_host.root).ok()?)));
        // The nearest: least of the path is left.
        if let Some((of_host, rest)) = found.min_by_key(|(_, rest)| rest.components().count()) {
            return vec![on_host(of_host.at.join(rest))];
        }
        // The container's own, as memory is: there while it lives.
        vec![Layer { base: self.process_root.clone(), path: line.at.clone() }]
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn mounts_of_a_container_are_found_on_the_host() {
        let proc = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(proc.path().join("7")).expect("a folder");
        fs::create_dir_all(proc.path().join("self")).expect("a folder");
        let of_container = "\
            600 500 0:99 / / rw,relatime - overlay overlay rw,lowerdir=/c/1:/c/0,upperdir=/c/2\\040x,workdir=/c/w\n\
            601 600 0:100 / /proc rw - proc proc rw\n\
            602 600 0:101 / /run rw - tmpfs tmpfs rw\n\
            603 600 8:1 /lib/kubelet/pods/u/volumes/logs /var/log/app rw master:1 - ext4 /dev/sda1 rw\n\
            604 600 8:2 /deep/er/folder /data rw - ext4 /dev/sda2 rw\n\
            this is no line\n";
        let of_host = "\
            20 1 8:1 / /var rw - ext4 /dev/sda1 rw\n\
            21 1 8:2 /deep /mnt rw - ext4 /dev/sda2 rw\n\
            22 1 8:2 / /all rw - ext4 /dev/sda2 rw\n";
        fs::write(proc.path().join("7/mountinfo"), of_container).expect("room");
        fs::write(proc.path().join("self/mountinfo"), of_host).expect("room");
        let found = mounts(proc.path(), Path::new("/"), 7).expect("a process");
        let places: Vec<(String, Vec<String>)> = found
            .iter()
            .map(|mount| {
                let layers = mount.layers.iter().map(|layer| layer.place().display().to_string());
                (mount.at.display().to_string(), layers.collect())
            })
            .collect();
        let memory = format!("{}/7/root/run", proc.path().display());
        let expected = [
            ("/data", vec!["/mnt/er/folder"]),
            ("/var/log/app", vec!["/var/lib/kubelet/pods/u/volumes/logs"]),
            ("/run", vec![memory.as_str()]),
            ("/", vec!["/c/2 x", "/c/1", "/c/0"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(at, layers)| (at.to_owned(), layers.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(places, expected);
        assert!(mounts(proc.path(), Path::new("/"), 8).is_err());
    }
}
