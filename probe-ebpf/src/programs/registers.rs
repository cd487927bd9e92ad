//! Where a system call's number and arguments lie in the saved registers when it returns.

/// A system call as its `pt_regs` show it at exit.
pub(crate) struct Registers;

#[cfg(bpf_target_arch = "x86_64")]
mod layout {
    //! `struct pt_regs` of x86-64 (arch/x86/include/asm/ptrace.h): fifteen general registers from r15 down to rdi,
    //! orig_rax, rip, cs. The entry code saves them all and the call leaves them as they were; rax holds the result.

    pub(crate) const NUMBER: usize = 120;
    pub(crate) const NUMBER_IS_32_BITS: bool = false;
    pub(crate) const ARGUMENTS: [usize; 5] = [112, 104, 96, 56, 72];
    /// The code segment: `__USER32_CS` for a 32-bit program.
    pub(crate) const MODE: usize = 136;
    pub(crate) const MODE_32_BIT: u64 = 0x23;
}

#[cfg(bpf_target_arch = "aarch64")]
mod layout {
    //! `struct pt_regs` of arm64 (arch/arm64/include/asm/ptrace.h): x0 to x30, sp, pc, pstate, orig_x0, syscallno. The
    //! result overwrites x0, so the first argument is taken from orig_x0.

    pub(crate) const NUMBER: usize = 280;
    pub(crate) const NUMBER_IS_32_BITS: bool = true;
    pub(crate) const ARGUMENTS: [usize; 5] = [272, 8, 16, 24, 32];
    /// The processor state: bit 4 (`PSR_MODE32_BIT`) is set for a 32-bit program.
    pub(crate) const MODE: usize = 264;
    pub(crate) const MODE_32_BIT: u64 = 0x10;
}

use super::memory::Memory;

impl Registers {
    /// The call's number.
    #[inline(always)]
    pub(crate) fn number<M: Memory>(registers: *const u8) -> Option<u64> {
        if layout::NUMBER_IS_32_BITS {
            M::read::<u32>(registers.wrapping_add(layout::NUMBER)).map(u64::from)
        } else {
            M::read(registers.wrapping_add(layout::NUMBER))
        }
    }

    /// The call's argument `N`, counted from zero.
    #[inline(always)]
    pub(crate) fn argument<M: Memory, const N: usize>(registers: *const u8) -> Option<u64> {
        M::read(registers.wrapping_add(layout::ARGUMENTS[N]))
    }

    /// Whether a 32-bit program made the call.
    #[inline(always)]
    pub(crate) fn is_32_bit<M: Memory>(registers: *const u8) -> bool {
        let mode = M::read::<u64>(registers.wrapping_add(layout::MODE)).unwrap_or(0);
        if cfg!(bpf_target_arch = "aarch64") {
            mode & layout::MODE_32_BIT != 0
        } else {
            mode & 0xffff == layout::MODE_32_BIT
        }
    }
}

/// Numbers of the calls that are captured.
#[cfg(bpf_target_arch = "x86_64")]
pub(crate) mod number {
    pub(crate) const READ: u64 = 0;
    pub(crate) const WRITE: u64 = 1;
    pub(crate) const READV: u64 = 19;
    pub(crate) const WRITEV: u64 = 20;
    pub(crate) const SENDFILE: u64 = 40;
    pub(crate) const SENDTO: u64 = 44;
    pub(crate) const RECVFROM: u64 = 45;
    pub(crate) const SENDMSG: u64 = 46;
    pub(crate) const RECVMSG: u64 = 47;
    pub(crate) const SPLICE: u64 = 275;
    pub(crate) const RECVMMSG: u64 = 299;
    pub(crate) const SENDMMSG: u64 = 307;
}

/// Numbers of the calls that are captured (include/uapi/asm-generic/unistd.h).
#[cfg(bpf_target_arch = "aarch64")]
pub(crate) mod number {
    pub(crate) const READ: u64 = 63;
    pub(crate) const WRITE: u64 = 64;
    pub(crate) const READV: u64 = 65;
    pub(crate) const WRITEV: u64 = 66;
    pub(crate) const SENDFILE: u64 = 71;
    pub(crate) const SENDTO: u64 = 206;
    pub(crate) const RECVFROM: u64 = 207;
    pub(crate) const SENDMSG: u64 = 211;
    pub(crate) const RECVMSG: u64 = 212;
    pub(crate) const SPLICE: u64 = 76;
    pub(crate) const RECVMMSG: u64 = 243;
    pub(crate) const SENDMMSG: u64 = 269;
}
