//! plainsight shows every request on a Linux node without touching the applications.
//!
//! Data goes one way: [`capture`] or [`replay`] gives events, which [`pipeline`] deals out to workers; [`flow`] puts streams in order and has them parsed by
//! `plainsight-protocols`, [`identity`] names who is behind a connection, [`signal`] makes records and aggregates of
//! exchanges, [`export`] writes them out, and [`cli`] and [`tui`] show them to a person. [`daemon`] does all of it without one,
//! as [`config`] says.

pub mod capture;
mod causes;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod export;
pub mod flow;
pub mod identity;
pub mod logs;
pub mod pipeline;
pub mod replay;
pub mod signal;
pub mod tui;
