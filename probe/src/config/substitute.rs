//! Variables of the environment in values: `${NAME}`, `${NAME:-default}`, and `$$` for a dollar sign, as in
//! OpenTelemetry's configuration files ("Environment variable substitution"), which also know `${env:NAME}`.
//!
//! What a variable contains is a value and never more YAML. One difference: a variable that is not set and has no
//! default is an error, for a token that is silently empty costs people hours.

use super::environment::Environment;

/// Most bytes of one value, with everything put in.
const LONGEST: usize = 64 << 10;

/// Puts in what the environment has.
pub(super) fn substitute(text: &str, environment: &Environment) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            result.push('$');
            rest = after;
        } else if let Some(inner) = from.strip_prefix("${") {
            let end = inner.find('}').ok_or("`${` has no `}`; close it, or write `$$` for a dollar sign")?;
            let (reference, after) = inner.split_at(end);
            result.push_str(&value(reference, environment)?);
            rest = after.get(1..).unwrap_or_default();
        } else {
            result.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
        if result.len() > LONGEST {
            break;
        }
    }
    result.push_str(rest);
    if result.len() > LONGEST {
        return Err(format!("this value is longer than {} KiB; shorten it", LONGEST >> 10));
    }
    Ok(result)
}

fn value(reference: &str, environment: &Environment) -> Result<String, String> {
    let reference = reference.strip_prefix("env:").unwrap_or(reference);
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    };
    if !is_name(name) {
        return Err(format!(
            "`${{{reference}}}` names no variable; write `${{NAME}}` or `${{NAME:-default}}`, or `$$` for a dollar sign"
        ));
    }
    match (environment.get(name), default) {
        // As in a shell: what is set to nothing has its default, too.
        (Some(""), Some(default)) | (None, Some(default)) => Ok(default.to_owned()),
        (Some(value), _) => Ok(value.to_owned()),
        (None, None) => Err(format!(
            "the environment variable {name} is not set; set it, or write `${{{name}:-default}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &str) -> Result<String, String> {
        let environment: Environment =
            [("TOKEN", "s3cret"), ("_A1", "x"), ("YAML", "a: [b, ${TOKEN}]"), ("EMPTY", "")]
                .into_iter()
                .collect();
        substitute(text, &environment)
    }

    #[test]
    fn variables_defaults_and_dollar_signs_are_put_in() {
        let cases = [
            ("plain", "plain"),
            ("${TOKEN}", "s3cret"),
            ("${env:TOKEN}", "s3cret"),
            ("Bearer ${TOKEN}/${_A1}!", "Bearer s3cret/x!"),
            ("${MISSING:-here}", "here"),
            ("${MISSING:-}", ""),
            ("${EMPTY:-here}${EMPTY}", "here"),
            ("${TOKEN:-here}", "s3cret"),
            ("$${TOKEN}", "${TOKEN}"),
            ("$$$$", "$$"),
            (r"^\d{4}$", r"^\d{4}$"),
            ("$TOKEN", "$TOKEN"),
            ("ends with $", "ends with $"),
            // What a variable contains is not looked at again.
            ("${YAML}", "a: [b, ${TOKEN}]"),
        ];
        for (text, expected) in cases {
            assert_eq!(put(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_said_with_the_remedy() {
        let cases = [
            ("${MISSING}", "MISSING is not set; set it, or write `${MISSING:-default}`"),
            ("${TOKEN", "no `}`"),
            ("${}", "names no variable"),
            ("${1A}", "names no variable"),
            ("${TOKEN-x}", "write `${NAME}` or `${NAME:-default}`"),
        ];
        for (text, expected) in cases {
            let said = put(text).expect_err(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
        let long: Environment = [("LONG", "x".repeat(LONGEST))].into_iter().collect();
        assert!(substitute("${LONG}", &long).is_ok());
        assert!(substitute("${LONG}${LONG}", &long).expect_err("too long").contains("64 KiB"));
    }
}
