//! What the end-to-end tests share: launching the probe and real servers, reading exchange records.

pub mod corpora;
pub mod probe;
pub mod record;
pub mod zeek;
