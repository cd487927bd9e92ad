//! What the kernel programs and userspace agree on: records, counters, kernel offsets, filters.
//!
//! Every type is `repr(C)` without padding that is not named, made of integers only, so that any bytes of the right
//! length are a valid value and a record can be read from the ring without trust.
#![no_std]

pub mod counter;
pub mod filter;
pub mod layout;
pub mod record;
pub mod ring;
