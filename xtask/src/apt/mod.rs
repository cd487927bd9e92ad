//! Debian packages: those to install on this machine, and files out of packages that this machine's release lacks.

mod install;
mod mirror;
mod suite;

pub(crate) use install::{Need, install_missing};
pub(crate) use mirror::{Repositories, Section};
pub(crate) use suite::Suite;
