//! Values of the command line. Each error is a sentence that says what is accepted; clap adds the flag and the value.

use std::time::Duration;

use plainsight_protocols::{Protocol, Side};

pub(super) use crate::config::values::{
    header_name, payload_bytes, port, protocol_option, ring_bytes, workers,
};
use crate::{
    config::values::{closest, find_protocol, protocol_hint, protocol_names},
    signal::{DEFAULT_KEY_LIMIT, KeyField, TimeSpan},
};

/// Keys that stat keeps apart unless told otherwise.
pub(super) const KEYS: usize = DEFAULT_KEY_LIMIT;

/// Most keys that can be asked for: about a gigabyte of histograms at worst.
const MOST_KEYS: usize = 200_000;

/// Shortest interval between reports.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

const COMMANDS: [&str; 6] = ["watch", "stat", "replay", "run", "check", "doctor"];

/// A protocol in the place where a command could stand as well.
pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    find_protocol(text).ok_or_else(|| {
        let commands = COMMANDS.join(", ");
        let hint = protocol_hint(text, &COMMANDS);
        format!("neither a command ({commands}) nor a protocol ({}){hint}", protocol_names())
    })
}

/// A field that stat groups by.
pub(super) fn key_field(text: &str) -> Result<KeyField, String> {
    text.to_ascii_lowercase().parse().map_err(|error: crate::signal::FilterValueError| {
        format!("{error}{}", closest(text, KeyField::ALL.into_iter().map(KeyField::name)))
    })
}

pub(super) fn pid(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|&pid| pid > 0).ok_or("a process id is a number from 1")
}

pub(super) fn side(text: &str) -> Result<Side, &'static str> {
    match text {
        "client" => Ok(Side::Client),
        "server" => Ok(Side::Server),
        _ => Err("a side is client or server"),
    }
}

pub(super) fn id_or_name(text: &str) -> Result<String, &'static str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_name) {
        return Err("give the beginning of an id, as in 4f3c0ffee4f3, or a name, as in web-0");
    }
    // Ids are written small, whoever prints them.
    let is_id = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    Ok(if is_id { text.to_ascii_lowercase() } else { text.to_owned() })
}

pub(super) fn keys(text: &str) -> Result<usize, String> {
    let keys = text.parse().ok().filter(|count| (1..=MOST_KEYS).contains(count));
    keys.ok_or_else(|| format!("a number from 1 to {MOST_KEYS}"))
}

pub(super) fn interval(text: &str) -> Result<TimeSpan, String> {
    let interval: TimeSpan =
        text.parse().map_err(|error: crate::signal::FilterValueError| error.to_string())?;
    if interval.0 < SHORTEST_INTERVAL {
        return Err("an interval is 100ms or longer".to_owned());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::OTHER_NAMES;

    #[test]
    fn a_mistyped_protocol_or_command_is_answered_with_the_nearest_one() {
        for (typed, meant) in [("htttp", "http"), ("stta", "stat"), ("wach", "watch"), ("repaly", "replay")] {
            let error = protocol(typed).expect_err("no such thing");
            assert!(error.ends_with(&format!("did you mean '{meant}'?")), "{typed}: {error}");
        }
        let error = protocol("xyzzy").expect_err("no such thing");
        assert!(!error.contains("did you mean"), "{error}");
        assert_eq!(protocol("HTTP"), Ok(Protocol::Http));
    }

    #[test]
    fn every_protocol_is_taken_by_its_names_whatever_their_case() {
        for wanted in Protocol::ALL {
            assert_eq!(protocol(wanted.name()), Ok(wanted));
            assert_eq!(protocol_option(&wanted.name().to_ascii_uppercase()), Ok(wanted));
        }
        for (name, wanted) in OTHER_NAMES {
            assert_eq!(protocol(name), Ok(wanted), "{name}");
        }
    }

    #[test]
    fn a_protocol_that_is_almost_named_is_suggested() {
        for (typed, meant) in
            [("postgre", "postgres"), ("mogodb", "mongodb"), ("kafak", "kafka"), ("mysqll", "mysql")]
        {
            let error = protocol_option(typed).expect_err("no such thing");
            assert!(error.ends_with(&format!("did you mean '{meant}'?")), "{typed}: {error}");
        }
        let error = protocol_option("https").expect_err("no such thing");
        assert!(error.contains("'tls' shows handshakes"), "{error}");
    }

    #[test]
    fn a_key_is_suggested_for_one_that_is_almost_named() {
        let error = key_field("statsu").expect_err("no such thing");
        assert!(error.ends_with("did you mean 'status'?"), "{error}");
        assert_eq!(key_field("Topic"), Ok(KeyField::Path));
    }

    #[test]
    fn numbers_out_of_their_range_are_refused() {
        assert!(pid("0").is_err() && pid("-1").is_err() && pid("x").is_err());
        assert!(keys("0").is_err() && interval("1ms").is_err());
    }
}
