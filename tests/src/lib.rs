//! What the end-to-end tests share: launching the probe and real servers, asking them for things, reading exchange
//! records, and finding the captures of others.

pub mod client;
pub mod containerd;
pub mod corpora;
pub mod dnsmasq;
pub mod durations;
pub mod image;
pub mod log_probe;
pub mod log_receiver;
pub mod mariadb;
pub mod matrix;
pub mod memcached;
pub mod nghttp2;
pub mod nginx;
pub mod otlp;
pub mod page;
pub mod postgresql;
pub mod probe;
pub mod process;
pub mod raw;
pub mod record;
pub mod redis;
pub mod replay;
pub mod server;
pub mod span_conventions;
pub mod systemd;
pub mod traffic;
pub mod zeek;
pub mod zeek_dns;
