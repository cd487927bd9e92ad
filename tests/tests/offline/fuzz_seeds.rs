//! What the fuzz targets begin with, run without a fuzzer: every protocol has a target, and its seeds reach its parser.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use plainsight_protocols::Protocol;

#[path = "../../fuzz/connection.rs"]
mod connection;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

/// The target that searches the parser of a protocol.
const fn target(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "http2",
        protocol => protocol.name(),
    }
}

#[test]
fn every_protocol_has_a_target_whose_seeds_make_exchanges_of_it() -> Result<()> {
    for protocol in Protocol::ALL {
        let target = target(protocol);
        let source = folder().join("targets").join(target).with_extension("rs");
        let text = fs::read_to_string(&source).with_context(|| source.display().to_string())?;
        assert!(text.contains("connection::run(script, Some(Protocol::"), "{target} searches no parser");
        let seeds = folder().join("seeds").join(target);
        let mut told = BTreeSet::new();
        for seed in fs::read_dir(&seeds).with_context(|| seeds.display().to_string())? {
            let script = fs::read(seed?.path())?;
            if protocol != Protocol::Dns || script.first().is_some_and(|flags| flags & 128 > 0) {
                told.extend(connection::run(&script, Some(protocol)));
            }
            connection::run(&script, None);
        }
        assert!(
            told.contains(&protocol),
            "no seed of {target} makes an exchange of {}: {told:?}",
            protocol.name()
        );
    }
    Ok(())
}

#[test]
fn what_a_target_puts_before_its_input_is_its_protocol() {
    for protocol in Protocol::ALL {
        // Joined or seen from the start, with and without offsets of the opposite stream.
        for flags in 0..4 {
            let told = connection::run(&[flags], Some(protocol));
            assert!(
                told.iter().all(|&told| told == protocol || target(told) == target(protocol)),
                "{told:?}"
            );
        }
    }
}
