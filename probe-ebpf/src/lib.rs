//! The records that the kernel programs send, shared with userspace.
#![no_std]
