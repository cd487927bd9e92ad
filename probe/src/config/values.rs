//! Single values that people write, on the command line and in the configuration.
//!
//! Each error says what is accepted. Who asks adds the value and where it stands.

use std::time::Duration;

use plainsight_protocols::Protocol;

/// A protocol where no command could stand.
pub(crate) fn protocol_option(text: &str) -> Result<Protocol, String> {
    find_protocol(text)
        .ok_or_else(|| format!("protocols are {}{}", protocol_names(), protocol_hint(text, &[])))
}

/// What else protocols are called, and what speaks the protocol of another.
pub(crate) const OTHER_NAMES: [(&str, Protocol); 16] = [
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

pub(crate) fn protocol_names() -> String {
    Protocol::ALL.map(Protocol::name).join(", ")
}

pub(crate) fn find_protocol(text: &str) -> Option<Protocol> {
    let own = Protocol::ALL.into_iter().map(|protocol| (protocol.name(), protocol));
    own.chain(OTHER_NAMES).find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, protocol)| protocol)
}

/// What a person may have meant who wrote the name of no protocol.
pub(crate) fn protocol_hint(text: &str, others: &[&'static str]) -> String {
    if matches!(text.to_ascii_lowercase().as_str(), "https" | "http3" | "h3" | "quic") {
        return "; what is encrypted cannot be read, but 'tls' shows handshakes over TCP".to_owned();
    }
    let names = Protocol::ALL.into_iter().map(Protocol::name);
    closest(text, names.chain(OTHER_NAMES.map(|(name, _)| name)).chain(others.iter().copied()))
}

pub(crate) fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    // Whose length differs by more than half is no candidate, and need not be compared.
    let could_be = |candidate: &&str| candidate.len().abs_diff(text.len()) * 2 <= candidate.len();
    let candidates = candidates.filter(could_be);
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
    // Longer than any name here; a longer text is far from everything, whatever it says.
    const COMPARED: usize = 64;
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

pub(crate) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|&port| port > 0).ok_or("a port is a number from 1 to 65535")
}

/// RFC 9110 section 5.1: a header's name is a token.
pub(crate) fn header_name(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err("a header's name is made of letters, digits and dashes, as in x-request-id");
    }
    Ok(text.to_ascii_lowercase())
}

pub(crate) fn workers(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|count| (1..=256).contains(count)).ok_or("a number from 1 to 256")
}

/// The kernel's ring: a power of two that holds some events at least.
pub(crate) fn ring_bytes(text: &str) -> Result<u32, &'static str> {
    const ACCEPTED: &str = "a size from 64KiB to 1GiB, as in 16MiB";
    let size = size(text).filter(|size| (64 << 10..=1 << 30).contains(size)).ok_or(ACCEPTED)?;
    u32::try_from(size.next_power_of_two()).map_err(|_| ACCEPTED)
}

pub(crate) fn payload_bytes(text: &str) -> Result<u32, &'static str> {
    const ACCEPTED: &str = "a size from 64B to 64KiB, as in 4096 or 16KiB";
    let size = size(text).filter(|size| (64..=64 << 10).contains(size)).ok_or(ACCEPTED)?;
    u32::try_from(size).map_err(|_| ACCEPTED)
}

/// A number of bytes with or without a unit.
pub(crate) fn size(text: &str) -> Option<u64> {
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

/// A size, for people: in the largest binary unit that it is a whole number of.
pub(crate) fn size_text(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// A length of time, in the largest unit that it is a whole number of.
pub(crate) fn time_text(time: Duration) -> String {
    const UNITS: [(u128, &str); 6] = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let nanos = time.as_nanos();
    let whole = UNITS.into_iter().find(|(unit, _)| nanos > 0 && nanos.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", nanos / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::TimeSpan;

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
        assert!(port("0").is_err() && port("65536").is_err() && workers("0").is_err());
        assert!(payload_bytes("32").is_err() && payload_bytes("65KiB").is_err());
    }

    #[test]
    fn sizes_and_times_are_written_as_they_are_read() {
        let sizes = [(0, "0"), (1000, "1000"), (4096, "4KiB"), (16 << 20, "16MiB"), (3 << 30, "3GiB")];
        for (bytes, text) in sizes {
            assert_eq!((size_text(bytes).as_str(), size(text)), (text, Some(bytes)));
        }
        for text in ["0s", "1s", "250ms", "90s", "1500us", "2m", "36h", "7ns"] {
            let time: TimeSpan = text.parse().expect(text);
            assert_eq!(time_text(time.0), text);
        }
    }
}
