//! Capture files in, the same events out as the kernel gives.
