//! Where the members of kernel structures lie.
//!
//! Rust emits no relocations for kernel types, so userspace reads the offsets from the running kernel's BTF and sets
//! them before the programs are loaded.

macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident => $structure:literal . $member:literal,)*) => {
        /// Byte offsets of members of kernel structures. An offset of [`ABSENT`] means that this kernel has no such
        /// member.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[repr(C)]
        pub struct Layout {
            $($(#[$doc])* pub $name: u32,)*
        }

        impl Layout {
            /// Each member's structure and path within it, in the order of the fields.
            pub const MEMBERS: &'static [(&'static str, &'static str)] = &[$(($structure, $member),)*];
        }
    };
}

/// The offset of a member that the running kernel does not have.
pub const ABSENT: u32 = u32::MAX;

layout! {
    /// The table of open files of a task.
    task_files => "task_struct"."files",
    /// Process id in the initial namespace.
    task_process => "task_struct"."tgid",
    /// Thread id in the initial namespace.
    task_thread => "task_struct"."pid",
    /// Flags of the task; `PF_KTHREAD` marks the kernel's own threads.
    task_flags => "task_struct"."flags",
    /// Name of the thread.
    task_name => "task_struct"."comm",
    /// The task that is told when this one ends.
    task_parent => "task_struct"."real_parent",
    /// When the task came to be, on the clock that counts from boot.
    task_started => "task_struct"."start_boottime",
    /// What the threads of a process share.
    task_signal => "task_struct"."signal",
    /// How many of them have not ended.
    signal_live => "signal_struct"."live",
    /// The file that a program is loaded from: of a script, its interpreter.
    program_interpreter => "linux_binprm"."interp",
    /// The cgroups of a task.
    task_cgroups => "task_struct"."cgroups",
    /// The one of the version 2 hierarchy.
    cgroups_default => "css_set"."dfl_cgrp",
    /// A cgroup's node in the file system.
    cgroup_node => "cgroup"."kn",
    /// The id of a node.
    node_id => "kernfs_node"."id",
    /// The current descriptor table.
    files_fdt => "files_struct"."fdt",
    /// How many descriptors the table has room for.
    fdtable_max_fds => "fdtable"."max_fds",
    /// The array of open files.
    fdtable_fd => "fdtable"."fd",
    /// An open file's operations, the same object for every socket.
    file_operations => "file"."f_op",
    /// An open file's inode.
    file_inode => "file"."f_inode",
    /// What belongs to an open file: a socket's `struct socket`.
    file_private_data => "file"."private_data",
    /// An inode's type and permissions.
    inode_mode => "inode"."i_mode",
    /// A socket's type: stream, datagram.
    socket_type => "socket"."type",
    /// A socket's network-layer half.
    socket_sk => "socket"."sk",
    /// A socket's open file, null where the kernel itself owns the socket.
    socket_file => "socket"."file",
    /// The socket above a socket's network-layer half, null once the program has let go of it.
    sock_socket => "sock"."sk_socket",
    /// Remote IPv4 address.
    sock_remote_v4 => "sock_common"."skc_daddr",
    /// Local IPv4 address.
    sock_local_v4 => "sock_common"."skc_rcv_saddr",
    /// Remote port, network order.
    sock_remote_port => "sock_common"."skc_dport",
    /// Local port, host order.
    sock_local_port => "sock_common"."skc_num",
    /// Address family.
    sock_family => "sock_common"."skc_family",
    /// State of the connection.
    sock_state => "sock_common"."skc_state",
    /// The protocol's operations; replaced when kernel TLS takes over.
    sock_operations => "sock_common"."skc_prot",
    /// Network namespace.
    sock_net => "sock_common"."skc_net",
    /// Remote IPv6 address.
    sock_remote_v6 => "sock_common"."skc_v6_daddr",
    /// Local IPv6 address.
    sock_local_v6 => "sock_common"."skc_v6_rcv_saddr",
    /// Flags of the socket; `SOCK_DONE` once the other end's FIN has come.
    sock_flags => "sock"."__sk_common.skc_flags",
    /// A socket's type: stream, datagram; the same as `socket_type`.
    sock_type => "sock"."sk_type",
    /// What went wrong, as an error number.
    sock_error => "sock"."sk_err",
    /// The transport protocol's number.
    sock_protocol => "sock"."sk_protocol",
    /// A network namespace's inode number.
    net_inode => "net"."ns.inum",
    /// The upper-layer protocol (kernel TLS) of a TCP socket, null if none.
    tcp_upper_layer => "inet_connection_sock"."icsk_ulp_ops",
    /// Sequence number just past the last byte that the program wrote.
    tcp_write_sequence => "tcp_sock"."write_seq",
    /// Sequence number just past the last byte that the program read.
    tcp_read_sequence => "tcp_sock"."copied_seq",
    /// Sequence number just past the last byte that has come, or past the FIN.
    tcp_next_sequence => "tcp_sock"."rcv_nxt",
    /// Bytes received over the life of the connection.
    tcp_bytes_received => "tcp_sock"."bytes_received",
    /// Bytes sent and acknowledged over the life of the connection.
    tcp_bytes_acknowledged => "tcp_sock"."bytes_acked",
    /// Smoothed round-trip time in eighths of a microsecond.
    tcp_round_trip => "tcp_sock"."srtt_us",
    /// Segments sent again over the life of the connection.
    tcp_retransmits => "tcp_sock"."total_retrans",
}

/// How many bytes of `struct sock_common` the programs read at once; every `sock_*` member up to the addresses must
/// lie within.
pub const SOCK_COMMON_WINDOW: u32 = 96;
