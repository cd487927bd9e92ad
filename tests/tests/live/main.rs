//! Tests against real servers, clients and kernels on this machine. They need root, and run one after another: they load
//! the machine and count what everyone on it does.
//!
//! One program holds them all, for linking a program costs more than most of them take.

mod calls;
mod container_logs;
mod deploy;
mod dials;
mod dns;
mod grpc;
mod http;
mod http2;
mod identity;
mod image;
mod kafka;
mod load;
mod logs;
mod memcached;
mod misuse;
mod mongodb;
mod mysql;
mod otlp_python;
mod postgresql;
mod pressure;
mod prometheus;
mod recorded_dns;
mod redis;
mod run;
mod tls;
