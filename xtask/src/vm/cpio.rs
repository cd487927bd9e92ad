//! Writes a file system image in the form that the kernel unpacks at boot (`newc` cpio, the kernel's
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use anyhow::{Result, bail};

/// File type bits of a mode (`S_IFDIR`, `S_IFREG`, `S_IFLNK`, `S_IFCHR`, inode(7)).
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMBOLIC_LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An image being written, entry by entry. Folders come before what is in them.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds a folder.
    pub(crate) fn directory(&mut self, path: &str) -> Result<()> {
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[])
    }

    /// Adds a file that may be executed.
    pub(crate) fn program(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.entry(path, FILE | 0o755, (0, 0), content)
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.entry(path, SYMBOLIC_LINK | 0o777, (0, 0), target.as_bytes())
    }

    /// Adds a character device.
    pub(crate) fn character_device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[])
    }

    /// The whole image.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, (0, 0), &[])?;
        Ok(self.bytes)
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) -> Result<()> {
        let Ok(size) = u32::try_from(content.len()) else {
            bail!("{path} is too large for an image: {} bytes, of at most 4 GiB", content.len());
        };
        let name_size = path.len() + 1;
        let links = if mode & 0o170_000 == DIRECTORY { 2 } else { 1 };
        self.entries += 1;
        // Each field is eight hexadecimal digits; owner, group, time and the device that holds the file are zero.
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(format!("{name_size:08X}{:08X}", 0).as_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn a_header_is_110_bytes_of_ascii_and_entries_are_aligned() {
        let mut archive = Archive::default();
        archive.program("init", b"#!/bin/sh\n").expect("small");
        let bytes = archive.finish().expect("small");
        assert_eq!(&bytes[..14], b"07070100000001");
        assert_eq!(&bytes[14..22], b"000081ED", "a regular file that all may execute");
        assert_eq!(&bytes[54..62], b"0000000A", "ten bytes of content");
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(&bytes[116..126], b"#!/bin/sh\n", "content starts at a multiple of four");
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn cpio_itself_lists_what_was_put_in() {
        let mut archive = Archive::default();
        archive.directory("dev").expect("small");
        archive.character_device("dev/console", 5, 1).expect("small");
        archive.program("dev/tool", &[7; 33]).expect("small");
        archive.link("init", "dev/tool").expect("small");
        let image = archive.finish().expect("small");
        let mut cpio = Command::new("cpio")
            .args(["--list", "--verbose", "--quiet", "--numeric-uid-gid"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cpio starts; `apt-get install cpio` gives it");
        cpio.stdin.take().expect("piped").write_all(&image).expect("cpio reads");
        let listed = String::from_utf8(cpio.wait_with_output().expect("cpio ends").stdout).expect("text");
        let lines: Vec<&str> = listed.lines().collect();
        assert_eq!(lines.len(), 4, "{listed}");
        assert!(lines[0].starts_with("drwxr-xr-x") && lines[0].ends_with(" dev"), "{listed}");
        assert!(lines[1].starts_with("crw-------") && lines[1].contains("5,   1"), "{listed}");
        assert!(lines[2].contains(" 33 ") && lines[2].ends_with(" dev/tool"), "{listed}");
        assert!(lines[3].ends_with(" init -> dev/tool"), "{listed}");
    }
}
