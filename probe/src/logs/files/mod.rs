//! Which file is which, and reading it.
//!
//! A path says little: files are renamed, copied and truncated, removed and made anew while they are read. An [`Identity`] is what
//! stays, and a [`Reader`] notices when its file is no longer what it has read.

mod identity;
mod marks;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use identity::{HEAD_BYTES, born_ns, read_full};
pub use identity::{HashKey, Head, Identity, Place, WindowHash, modified_ns};
pub(super) use reader::open;
pub use reader::{Copied, Opened, Reader, Step};
