//! Searches the parser of MongoDB; the format of the input is told in `connection.rs`.

#![no_main]

#[path = "../connection.rs"]
mod connection;

use plainsight_protocols::Protocol;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    connection::run(script, Some(Protocol::Mongodb));
});
