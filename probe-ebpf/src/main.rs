//! The kernel programs of plainsight.
//!
//! | hook | sees | from Linux |
//! |---|---|---|
//! | `sock_send_length`, `sock_recv_length` (BTF tracepoints) | every message that went through a socket, see `programs::socket_layer` | 6.3 |
//! | `sys_exit` (BTF tracepoint, else raw tracepoint) | where these are not: every system call that moved bytes through a socket | 5.12, 5.10 |
//! | `inet_sock_set_state` (raw tracepoint) | who dialled, who accepted, which ports listen, who sent the last byte | 5.10 |
//! | `tcp_destroy_sock` (raw tracepoint) | the end of a connection, after the last call that can read from it | 5.10 |
//! | `tcp_retransmit_skb` (raw tracepoint) | segments sent again | 5.10 |
//! | `sched_process_fork`, `sched_process_exec`, `sched_process_exit` (raw tracepoints) | processes: forked, starting a program, ended | 5.10 |
//!
//! From 7.0 on threads are preempted while a program runs for them. There a second and a third program behind each of the first,
//! third, fourth and sixth kind stand in where the kernel leaves out those before them, see `programs::ring::hook`.
//!
//! Needs kernel 5.10: ring buffer and `bpf_ktime_get_boot_ns` (5.8), `bpf_probe_read_kernel` (5.5). BTF tracepoints follow
//! typed pointers without a helper call, need `bpf_get_current_task_btf` (5.11), and take turns by an atomic exchange (5.12).

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

#[cfg(target_arch = "bpf")]
mod programs;

#[cfg(not(target_arch = "bpf"))]
fn main() {
    // These programs run in the kernel only; `cargo check --workspace` still compiles this target for the host.
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // A panic that the compiler could not rule out ends in this loop, which the verifier refuses to load.
    loop {}
}

/// Helpers such as `bpf_probe_read_kernel` are open to GPL-compatible programs only.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
