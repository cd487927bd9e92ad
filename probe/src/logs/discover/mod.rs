//! Which files there are.
//!
//! [`Patterns::walk`] looks at all that match; a [`Watch`] hears of changes between two looks. What is heard makes it fast, what is looked at
//! makes it right: file systems of the network tell nothing, and the kernel's queue overflows.

mod pattern;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod watch;

pub use pattern::{PatternError, Patterns};
pub use tree::Tree;
pub use walk::{Found, Walk};
pub use watch::{Change, Watch};
