//! From a file descriptor to the socket behind it.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

use super::{
    globals::offset,
    maps::SOCKET_OPERATIONS,
    memory::{Memory, read_kernel},
};

/// `S_IFMT` and `S_IFSOCK` of an inode's mode.
const FILE_TYPE: u16 = 0o170_000;
const FILE_TYPE_SOCKET: u16 = 0o140_000;

/// `SOCK_STREAM`.
pub(crate) const STREAM: u16 = 1;
/// `SOCK_DGRAM`.
pub(crate) const DATAGRAM: u16 = 2;

/// A socket's network half and type.
pub(crate) struct Socket {
    pub(crate) sock: *const u8,
    pub(crate) kind: u16,
}

/// The socket behind a descriptor of the running task; `None` if it is another kind of file.
///
/// The path is task, files, descriptor table, file, socket, sock (include/linux/fdtable.h, include/linux/net.h). The
/// table may be replaced by a larger one meanwhile; a stale one then still holds the same file for this descriptor.
#[inline(always)]
pub(crate) fn socket<M: Memory>(task: *const u8, descriptor: u32) -> Option<Socket> {
    let files: *const u8 = M::read(task.wrapping_add(offset!(task_files)))?;
    if files.is_null() {
        return None;
    }
    let table: *const u8 = M::read(files.wrapping_add(offset!(files_fdt)))?;
    if table.is_null() {
        return None;
    }
    let size: u32 = M::read(table.wrapping_add(offset!(fdtable_max_fds)))?;
    if descriptor >= size {
        return None;
    }
    let array: *const u8 = M::read(table.wrapping_add(offset!(fdtable_fd)))?;
    let file: *const u8 = read_kernel(array.wrapping_add(descriptor as usize * 8))?;
    if file.is_null() {
        return None;
    }
    let (operations, socket) =
        members::<u64, *const u8>(file, offset!(file_operations), offset!(file_private_data))?;
    if !is_socket(file, operations) {
        return None;
    }
    let (sock, kind) = members(socket, offset!(socket_sk), offset!(socket_type))?;
    Some(Socket { sock, kind })
}

/// Two members of a structure: read at once if they lie close together, which saves the call of a helper. The verifier
/// knows the offsets and drops the way that is not taken.
#[inline(always)]
fn members<A: Copy, B: Copy>(structure: *const u8, first: usize, second: usize) -> Option<(A, B)> {
    const WINDOW: usize = 64;
    let start = first.min(second);
    let (first_place, second_place) = (first - start, second - start);
    if first_place > WINDOW - 8 || second_place > WINDOW - 8 {
        return Some((
            read_kernel(structure.wrapping_add(first))?,
            read_kernel(structure.wrapping_add(second))?,
        ));
    }
    let mut window = MaybeUninit::<[u64; WINDOW / 8]>::uninit();
    let place: *mut u8 = window.as_mut_ptr().cast();
    // SAFETY: the helper writes no more than the window holds, and checks the address.
    if unsafe { bpf_probe_read_kernel(place.cast(), WINDOW as u32, structure.wrapping_add(start).cast()) }
        != 0
    {
        return None;
    }
    // SAFETY: written in full; both places leave room for eight bytes.
    unsafe {
        Some((
            core::ptr::read_unaligned(place.add(first_place).cast()),
            core::ptr::read_unaligned(place.add(second_place).cast()),
        ))
    }
}

/// Whether an open file is a socket. All sockets share one table of operations; its address is learned from the first
/// file whose inode says that it is a socket, and then one comparison tells.
#[inline(always)]
fn is_socket(file: *const u8, operations: u64) -> bool {
    let Some(known) = SOCKET_OPERATIONS.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: an array's entry is always there; the value is one word that is only ever set to one address.
    let learned = unsafe { core::ptr::read_volatile(known) };
    if learned != 0 {
        return learned == operations;
    }
    let Some(inode) = read_kernel::<*const u8>(file.wrapping_add(offset!(file_inode))) else {
        return false;
    };
    let Some(mode) = read_kernel::<u16>(inode.wrapping_add(offset!(inode_mode))) else {
        return false;
    };
    if mode & FILE_TYPE != FILE_TYPE_SOCKET {
        return false;
    }
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(known, operations) };
    true
}
