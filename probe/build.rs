//! Compiles the kernel programs and leaves the object for `include_bytes_aligned!`.

fn main() {}
