//! Filters, applied before anything is copied.

use core::mem::MaybeUninit;

use aya_ebpf::maps::HashMap;
use probe_ebpf::{
    filter::{bits, rule},
    record::Caller,
};

use super::{
    connection::now,
    globals::{filters, own_process},
    maps::{CGROUP_RULES, NAME_RULES, PORT_RULES, PROCESS_RULES},
    memory::{Here, Memory},
};

/// Whether the running thread is the daemon's own.
#[inline(always)]
pub(crate) fn is_self<M: Memory>(task: *const u8) -> bool {
    M::process(task) == own_process()
}

/// Whether calls of the running thread are to be captured.
#[inline(always)]
pub(crate) fn admits<M: Memory>(here: Here) -> bool {
    let filters = filters();
    let of_process = bits::PROCESS_ALLOW | bits::PROCESS_DENY;
    let of_name = bits::NAME_ALLOW | bits::NAME_DENY;
    let of_cgroup = bits::CGROUP_ALLOW | bits::CGROUP_DENY;
    if filters & (of_process | of_name | of_cgroup) == 0 {
        return true;
    }
    let mut caller = MaybeUninit::<Caller>::uninit();
    // SAFETY: a place on the stack, all of which is written.
    let caller = unsafe {
        M::write_thread(here, now(), caller.as_mut_ptr());
        caller.assume_init_ref()
    };
    passes(filters, bits::PROCESS_ALLOW, bits::PROCESS_DENY, &PROCESS_RULES, &caller.pid)
        && passes(filters, bits::NAME_ALLOW, bits::NAME_DENY, &NAME_RULES, &caller.comm)
        && passes(filters, bits::CGROUP_ALLOW, bits::CGROUP_DENY, &CGROUP_RULES, &caller.cgroup)
}

/// Whether connections with these ports are to be captured.
#[inline(always)]
pub(crate) fn admits_ports(local: u16, remote: u16) -> bool {
    let filters = filters();
    if filters & (bits::PORT_ALLOW | bits::PORT_DENY) == 0 {
        return true;
    }
    let rules = (rule_of(&PORT_RULES, &local), rule_of(&PORT_RULES, &remote));
    if rules.0 == rule::DENY || rules.1 == rule::DENY {
        return false;
    }
    filters & bits::PORT_ALLOW == 0 || rules.0 == rule::ALLOW || rules.1 == rule::ALLOW
}

#[inline(always)]
fn passes<K>(filters: u32, allow: u32, deny: u32, rules: &HashMap<K, u8>, key: &K) -> bool {
    if filters & (allow | deny) == 0 {
        return true;
    }
    let rule = rule_of(rules, key);
    rule != rule::DENY && (filters & allow == 0 || rule == rule::ALLOW)
}

#[inline(always)]
fn rule_of<K>(rules: &HashMap<K, u8>, key: &K) -> u8 {
    rules.get_ptr(key).map_or(0, |rule| {
        // SAFETY: the map's entries are written by userspace before the programs are attached.
        unsafe { *rule }
    })
}
