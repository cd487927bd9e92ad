//! Where members of kernel structures lie in the running kernel, for the programs to be told.

use std::{fs, path::Path};

use probe_ebpf::layout::{ABSENT, Layout, SOCK_COMMON_WINDOW};
use thiserror::Error;

use super::btf::{Btf, BtfError};

/// Where the kernel shows its types.
pub const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";

/// Why the offsets are not known.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// The kernel does not show its types.
    #[error(
        "this kernel does not describe its own types ({path}: {source}); it needs to be built with \
         CONFIG_DEBUG_INFO_BTF=y, as the distributions' kernels are since about 2020"
    )]
    NoTypes {
        /// Where they were looked for.
        path: String,
        /// What reading gave.
        source: std::io::Error,
    },
    /// What it shows is malformed.
    #[error("reading the kernel's type information: {0}")]
    Malformed(#[from] BtfError),
    /// A member is missing.
    #[error(
        "this kernel has no member {member} in its structure {structure}, which the capture programs need"
    )]
    NoMember {
        /// The structure.
        structure: &'static str,
        /// The path of the member.
        member: &'static str,
    },
    /// A member lies further back than the programs read.
    #[error("this kernel has the member {member} of {structure} at byte {offset}, further back than is read")]
    OutOfReach {
        /// The structure.
        structure: &'static str,
        /// The path of the member.
        member: &'static str,
        /// Where it lies.
        offset: u32,
    },
}

/// Members that some kernels do without: the upper-layer protocols (CONFIG_TLS), IPv6; and those that only the records of
/// processes need, without which none are sent.
const OPTIONAL: [&str; 8] = [
    "icsk_ulp_ops",
    "skc_v6_daddr",
    "skc_v6_rcv_saddr",
    "real_parent",
    "start_boottime",
    "signal",
    "live",
    "interp",
];

/// The values of [`Layout`], field by field.
///
/// # Errors
/// If the kernel does not show its types, or lacks one that is needed.
pub(super) fn offsets(path: &Path) -> Result<Vec<u32>, LayoutError> {
    let bytes =
        fs::read(path).map_err(|source| LayoutError::NoTypes { path: path.display().to_string(), source })?;
    let btf = Btf::parse(&bytes)?;
    Layout::MEMBERS
        .iter()
        .map(|&(structure, member)| match btf.member_offset(structure, member) {
            Some(offset) if offset + 16 <= window(structure) => Ok(offset),
            Some(offset) => Err(LayoutError::OutOfReach { structure, member, offset }),
            // Addresses of a family that the kernel does not have are never read, but their place must be within reach.
            None if member.starts_with("skc_v6") => Ok(0),
            None if OPTIONAL.contains(&member) => Ok(ABSENT),
            None => Err(LayoutError::NoMember { structure, member }),
        })
        .collect()
}

/// How much of a structure the programs read at once; no limit where they read single members.
const fn window(structure: &str) -> u32 {
    match structure.as_bytes() {
        b"sock_common" => SOCK_COMMON_WINDOW,
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_is_found_in_the_running_kernel() {
        let offsets = offsets(Path::new(KERNEL_TYPES)).expect("a kernel with BTF");
        assert_eq!(offsets.len() * 4, size_of::<Layout>());
    }

    #[test]
    fn a_kernel_without_types_is_named_with_the_remedy() {
        let error = offsets(Path::new("/nonexistent/vmlinux")).expect_err("no such file").to_string();
        assert!(error.contains("CONFIG_DEBUG_INFO_BTF"), "{error}");
    }
}
