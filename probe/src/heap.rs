//! Memory that was freed and that the allocator keeps for what may come.
#![expect(unsafe_code, reason = "a function of the C library")]

/// Gives it back to the system. It takes as long as there are pieces to look at, some milliseconds for a large heap, in
/// which nobody else can allocate from it.
///
/// Of the GNU C library's allocator (mallopt(3), malloc_trim(3)): left alone it gives back only what lies at the end of
/// the heap. After the kernel's types are read that is a third of all that the process needs.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointer, and may be called by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
