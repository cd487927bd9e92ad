//! Log files of containers: their output, and files within them.
//!
//! | file | holds |
//! |---|---|
//! | `finder`, `catalog` | which containers there are, from their runtimes |
//! | `layout` | what paths below a kubelet's folder tell |
//! | `selection` | which containers are meant |
//! | `view`, `mountinfo` | a container's file system as folders of the host |
//! | `source` | which files those of one pipeline are |
//! | `origin` | whose records a file's are, and how it is opened |

mod catalog;
mod finder;
mod layout;
mod mountinfo;
mod origin;
mod selection;
mod source;
#[cfg(test)]
mod tests;
mod view;

pub(super) use catalog::label;
pub use finder::{ContainerFinder, KnownContainers};
pub use origin::Origin;
pub use source::{ContainerFiles, ContainerSettings, ContainerShown, ContainerWalk, check};
