//! The table of TCP connections, by address of their `struct sock`.
//!
//! Found at every call, made and dropped once, so it is built for finding: an array, which the kernel compiles into a
//! comparison and an addition, where a hash table takes four calls of functions. A connection lies in one of [`WINDOW`]
//! slots from where its address hashes to. A slot is claimed in a hash table that is locked by itself, since
//! exchanges of words came to these programs only in 5.12.

use super::maps::{CLAIMS, CONNECTIONS, Connection};

/// Slots in which a connection may lie. With a table half full, one in 65,000 connections finds all of them taken.
const WINDOW: u32 = 16;

/// Where a connection's window begins. Sockets come from slabs: the low bits tell little.
#[inline(always)]
fn home(sock: u64) -> u32 {
    ((sock >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[inline(always)]
fn slot(home: u32, step: u32) -> u32 {
    home.wrapping_add(step) & (super::globals::connection_slots() - 1)
}

/// The entry of a socket.
#[inline(always)]
pub(crate) fn find(sock: u64) -> Option<*mut Connection> {
    let home = home(sock);
    for step in 0..WINDOW {
        let entry = CONNECTIONS.get_ptr_mut(slot(home, step))?;
        // SAFETY: an array's entry stays valid; words are read and written whole.
        if unsafe { core::ptr::read_volatile(&raw const (*entry).sock) } == sock {
            return Some(entry);
        }
    }
    None
}

/// Claims a slot for a socket that has none, which `fill` is to write. `None` if the table has no room.
#[inline(always)]
pub(crate) fn insert(sock: u64, fill: impl FnOnce(*mut Connection)) -> Option<*mut Connection> {
    /// Fails where there is an entry already (include/uapi/linux/bpf.h).
    const ONLY_NEW: u64 = 1;
    let home = home(sock);
    for step in 0..WINDOW {
        let slot = slot(home, step);
        let entry = CONNECTIONS.get_ptr_mut(slot)?;
        // SAFETY: as above.
        let is_free = unsafe { core::ptr::read_volatile(&raw const (*entry).sock) } == 0;
        if is_free && CLAIMS.insert(slot, sock, ONLY_NEW).is_ok() {
            fill(entry);
            // SAFETY: as above. Last, for it makes the entry found.
            unsafe { core::ptr::write_volatile(&raw mut (*entry).sock, sock) };
            return Some(entry);
        }
    }
    None
}

/// Drops the entry of a socket.
#[inline(always)]
pub(crate) fn remove(sock: u64) {
    let home = home(sock);
    for step in 0..WINDOW {
        let slot = slot(home, step);
        let Some(entry) = CONNECTIONS.get_ptr_mut(slot) else {
            return;
        };
        // SAFETY: as above.
        unsafe {
            if core::ptr::read_volatile(&raw const (*entry).sock) == sock {
                core::ptr::write_volatile(&raw mut (*entry).sock, 0);
                let _ = CLAIMS.remove(slot);
                return;
            }
        }
    }
}
