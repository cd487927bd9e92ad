//! Searches detection and what follows from it, whatever a connection speaks; the format of the input is told in
//! `connection.rs`.

#![no_main]

#[path = "../connection.rs"]
mod connection;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    connection::run(script, None);
});
