//! What the end-to-end tests share: launching the probe and real servers, asking them for things, reading exchange
//! records.

pub mod client;
pub mod nginx;
pub mod probe;
pub mod record;
pub mod server;
