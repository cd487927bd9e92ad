//! What a program's own environment says of its service: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`
//! (OpenTelemetry specification 1.60, configuration/sdk-environment-variables.md and resource/sdk.md).

/// Most of an environment that is read; the kernel lets programs have megabytes.
pub(super) const ENVIRONMENT_BYTES: u64 = 256 * 1024;

/// Most attributes that one environment may declare, and the longest value of one.
const ATTRIBUTES: usize = 64;
const VALUE_BYTES: usize = 1024;

/// Names with their values.
type Pairs = Vec<(Box<str>, Box<str>)>;

/// What an environment declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// `OTEL_SERVICE_NAME`.
    pub(super) service_name: Option<Box<str>>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, decoded.
    pub(super) attributes: Pairs,
}

/// Why attributes are not taken. The specification has all of them discarded then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Declared {
    /// What an environment declares, given as the kernel shows it: `NAME=VALUE`, each followed by a zero byte. Gives also
    /// whether there were attributes that could not be taken.
    pub(super) fn read(environment: &[u8]) -> (Self, Result<(), Malformed>) {
        let mut declared = Self::default();
        let mut result = Ok(());
        for variable in environment.split(|&byte| byte == 0) {
            if let Some(value) = variable.strip_prefix(b"OTEL_SERVICE_NAME=") {
                // A variable that is empty counts as one that is not set.
                let name = String::from_utf8_lossy(value);
                let name = name.trim();
                declared.service_name = (!name.is_empty()).then(|| cut(name).into());
            } else if let Some(value) = variable.strip_prefix(b"OTEL_RESOURCE_ATTRIBUTES=") {
                match attributes(value) {
                    Ok(attributes) => declared.attributes = attributes,
                    Err(malformed) => result = Err(malformed),
                }
            }
        }
        (declared, result)
    }
}

/// `key1=value1,key2=value2`, where commas and equals signs within are percent-encoded.
fn attributes(list: &[u8]) -> Result<Pairs, Malformed> {
    let mut attributes = Vec::new();
    for pair in list.split(|&byte| byte == b',') {
        let pair = pair.trim_ascii();
        // A comma at the end is common, and loses nothing.
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|&byte| byte == b'=').ok_or(Malformed)?;
        let (key, value) = (decoded(pair[..equals].trim_ascii())?, decoded(pair[equals + 1..].trim_ascii())?);
        if key.is_empty() {
            return Err(Malformed);
        }
        if attributes.len() < ATTRIBUTES {
            attributes.push((cut(&key).into(), cut(&value).into()));
        }
    }
    Ok(attributes)
}

/// Percent-decoding, RFC 3986 section 2.1.
fn decoded(bytes: &[u8]) -> Result<String, Malformed> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|&byte| char::from(byte).to_digit(16)).ok_or(Malformed);
        let value = digit()? * 16 + digit()?;
        text.push(u8::try_from(value).map_err(|_| Malformed)?);
    }
    String::from_utf8(text).map_err(|_| Malformed)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &str) -> Declared {
        Declared::read(environment.as_bytes()).0
    }

    fn pairs(declared: &Declared) -> Vec<(&str, &str)> {
        declared.attributes.iter().map(|(key, value)| (&**key, &**value)).collect()
    }

    #[test]
    fn name_and_attributes_are_found_among_other_variables() {
        let declared = of(
            "PATH=/bin\0OTEL_SERVICE_NAME= shop \0OTEL_RESOURCE_ATTRIBUTES=a=1, b.c = d%2Ce%3d%20f ,\0X=y\0",
        );
        assert_eq!(declared.service_name.as_deref(), Some("shop"));
        assert_eq!(pairs(&declared), [("a", "1"), ("b.c", "d,e= f")]);
    }

    #[test]
    fn variables_that_only_end_so_are_others() {
        assert_eq!(of("MY_OTEL_SERVICE_NAME=x\0OTEL_SERVICE_NAME_2=y\0"), Declared::default());
        assert_eq!(of("OTEL_SERVICE_NAME=\0OTEL_RESOURCE_ATTRIBUTES=\0"), Declared::default());
    }

    #[test]
    fn one_error_discards_all_attributes() {
        for list in ["a=1,b", "a=1,=2", "a=1,b=%4", "a=1,b=%zz", "a=1,b=%ff"] {
            let environment = format!("OTEL_SERVICE_NAME=kept\0OTEL_RESOURCE_ATTRIBUTES={list}\0");
            let (declared, result) = Declared::read(environment.as_bytes());
            assert_eq!((pairs(&declared), result), (vec![], Err(Malformed)), "{list}");
            assert_eq!(declared.service_name.as_deref(), Some("kept"));
        }
    }

    #[test]
    fn a_value_may_hold_equals_signs_as_they_are() {
        assert_eq!(pairs(&of("OTEL_RESOURCE_ATTRIBUTES=url=http://x/?a=b")), [("url", "http://x/?a=b")]);
    }

    #[test]
    fn what_is_declared_is_bounded_in_number_and_length() {
        let list: Vec<String> =
            (0..ATTRIBUTES + 9).map(|number| format!("k{number}={}", "é".repeat(VALUE_BYTES))).collect();
        let declared = of(&format!("OTEL_RESOURCE_ATTRIBUTES={}", list.join(",")));
        assert_eq!(declared.attributes.len(), ATTRIBUTES);
        assert!(declared.attributes.iter().all(|(_, value)| value.len() <= VALUE_BYTES));
    }

    proptest::proptest! {
        #[test]
        fn no_environment_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let environment = [b"OTEL_RESOURCE_ATTRIBUTES=".as_slice(), &bytes].concat();
            let _ = Declared::read(&environment);
        }
    }
}
