//! Metrics of TCP connections.

use super::{
    key::{self, Stored},
    settings::{ROLE, TRANSPORT},
};

/// The attributes of connections in a role that are open.
pub(super) fn active_key(role: u8) -> Vec<u8> {
    let mut key = Vec::new();
    key::push(&mut key, TRANSPORT, Stored::Text("tcp"));
    key::push(&mut key, ROLE, Stored::Text(role_name(role)));
    key
}

/// The name of a role by its number.
pub(super) const fn role_name(role: u8) -> &'static str {
    match role {
        0 => "client",
        1 => "server",
        _ => "unknown",
    }
}
