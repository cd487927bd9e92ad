//! Values of the command line. Each error is a sentence that says what is accepted; clap adds the flag and the value.

use std::time::Duration;

use plainsight_protocols::{Protocol, Side};

use crate::signal::{DEFAULT_KEY_LIMIT, KeyField, TimeSpan};

/// Keys that stat keeps apart unless told otherwise.
pub(super) const KEYS: usize = DEFAULT_KEY_LIMIT;

/// Most keys that can be asked for: about a gigabyte of histograms at worst.
const MOST_KEYS: usize = 200_000;

/// Shortest interval between reports.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

const COMMANDS: [&str; 4] = ["watch", "stat", "replay", "doctor"];

/// A protocol in the place where a command could stand as well.
pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    find_protocol(text).ok_or_else(|| {
        let commands = COMMANDS.join(", ");
        let hint = hint(text, &COMMANDS);
        format!("neither a command ({commands}) nor a protocol ({}){hint}", protocol_names())
    })
}

/// A protocol where no command could stand.
pub(super) fn protocol_option(text: &str) -> Result<Protocol, String> {
    find_protocol(text).ok_or_else(|| format!("protocols are {}{}", protocol_names(), hint(text, &[])))
}

/// What else protocols are called, and what speaks the protocol of another.
const OTHER_NAMES: [(&str, Protocol); 16] = [
    ("http1", Protocol::Http),
    ("http/1.1", Protocol::Http),
    ("h2", Protocol::Http2),
    ("h2c", Protocol::Http2),
    ("http/2", Protocol::Http2),
    ("valkey", Protocol::Redis),
    ("keydb", Protocol::Redis),
    ("postgres", Protocol::Postgresql),
    ("pg", Protocol::Postgresql),
    ("pgsql", Protocol::Postgresql),
    ("mariadb", Protocol::Mysql),
    ("mongo", Protocol::Mongodb),
    ("memcache", Protocol::Memcached),
    ("redpanda", Protocol::Kafka),
    ("mdns", Protocol::Dns),
    ("ssl", Protocol::Tls),
];

fn protocol_names() -> String {
    Protocol::ALL.map(Protocol::name).join(", ")
}

fn find_protocol(text: &str) -> Option<Protocol> {
    let own = Protocol::ALL.into_iter().map(|protocol| (protocol.name(), protocol));
    own.chain(OTHER_NAMES).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, protocol)| protocol)
}

/// What a person may have meant who wrote the name of no protocol.
fn hint(text: &str, others: &[&'static str]) -> String {
    if matches!(text.to_ascii_lowercase().as_str(), "https" | "http3" | "h3" | "quic") {
        return "; what is encrypted cannot be read, but 'tls' shows handshakes over TCP".to_owned();
    }
    let names = Protocol::ALL.into_iter().map(Protocol::name);
    closest(text, names.chain(OTHER_NAMES.map(|(name, _)| name)).chain(others.iter().copied()))
}

/// A field that stat groups by.
pub(super) fn key_field(text: &str) -> Result<KeyField, String> {
    text.to_ascii_lowercase().parse().map_err(|error: crate::signal::FilterValueError| {
        format!("{error}{}", closest(text, KeyField::ALL.into_iter().map(KeyField::name)))
    })
}

fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let best = candidates.map(|candidate| (edit_distance(text, candidate), candidate)).min();
    match best {
        Some((distance, candidate)) if distance * 2 <= candidate.len() => {
            format!("; did you mean '{candidate}'?")
        }
        _ => String::new(),
    }
}

/// Characters to insert, delete, replace or swap with their neighbours to make one text of the other ("optimal string
/// alignment distance").
fn edit_distance(left: &str, right: &str) -> usize {
    // A long text is far from everything here, whatever it says.
    const COMPARED: usize = 32;
    let left: Vec<char> = left.chars().take(COMPARED).collect();
    let right: Vec<char> = right.chars().take(COMPARED).collect();
    let mut distances = vec![vec![0; right.len() + 1]; left.len() + 1];
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            distances[row][column] = if row == 0 || column == 0 {
                row + column
            } else {
                let is_same = left[row - 1] == right[column - 1];
                let is_swapped = row > 1
                    && column > 1
                    && left[row - 1] == right[column - 2]
                    && left[row - 2] == right[column - 1];
                let replaced = distances[row - 1][column - 1] + usize::from(!is_same);
                let swapped = if is_swapped { distances[row - 2][column - 2] + 1 } else { usize::MAX };
                let shifted = distances[row - 1][column].min(distances[row][column - 1]) + 1;
                replaced.min(swapped).min(shifted)
            };
        }
    }
    distances[left.len()][right.len()]
}

pub(super) fn pid(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|&pid| pid > 0).ok_or("a process id is a number from 1")
}

pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|&port| port > 0).ok_or("a port is a number from 1 to 65535")
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

/// RFC 9110 section 5.1: a header's name is a token.
pub(super) fn header_name(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err("a header's name is made of letters, digits and dashes, as in x-request-id");
    }
    Ok(text.to_ascii_lowercase())
}

pub(super) fn workers(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|count| (1..=256).contains(count)).ok_or("a number from 1 to 256")
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

/// The kernel's ring: a power of two that holds some events at least.
pub(super) fn ring_bytes(text: &str) -> Result<u32, &'static str> {
    const ACCEPTED: &str = "a size from 64KiB to 1GiB, as in 16MiB";
    let size = size(text).filter(|size| (64 << 10..=1 << 30).contains(size)).ok_or(ACCEPTED)?;
    u32::try_from(size.next_power_of_two()).map_err(|_| ACCEPTED)
}

pub(super) fn payload_bytes(text: &str) -> Result<u32, &'static str> {
    const ACCEPTED: &str = "a size from 64B to 64KiB, as in 4096 or 16KiB";
    let size = size(text).filter(|size| (64..=64 << 10).contains(size)).ok_or(ACCEPTED)?;
    u32::try_from(size).map_err(|_| ACCEPTED)
}

/// A number of bytes with or without a unit.
fn size(text: &str) -> Option<u64> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn sizes_take_binary_and_decimal_units() {
        let cases =
            [("4096", Some(4096)), ("16MiB", Some(16 << 20)), ("2kB", Some(2000)), ("1G", Some(1 << 30))];
        for (text, bytes) in cases {
            assert_eq!(size(text), bytes, "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "-1", "1 MiB", "99999999999999999999G", "1TiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn the_ring_is_rounded_up_to_a_power_of_two_within_its_bounds() {
        assert_eq!(ring_bytes("100KiB"), Ok(128 << 10));
        assert_eq!(ring_bytes("1GiB"), Ok(1 << 30));
        assert!(ring_bytes("63KiB").is_err() && ring_bytes("2GiB").is_err());
    }

    #[test]
    fn headers_are_compared_in_lower_case_and_must_be_tokens() {
        assert_eq!(header_name("X-Request-Id").as_deref(), Ok("x-request-id"));
        for text in ["", "a b", "a:", "ü"] {
            assert!(header_name(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn numbers_out_of_their_range_are_refused() {
        assert!(pid("0").is_err() && pid("-1").is_err() && pid("x").is_err());
        assert!(port("0").is_err() && port("65536").is_err());
        assert!(workers("0").is_err() && keys("0").is_err() && interval("1ms").is_err());
        assert!(payload_bytes("32").is_err() && payload_bytes("65KiB").is_err());
    }
}
