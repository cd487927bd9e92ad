//! A JSON object. Names of nested ones are joined with dots; lists stay JSON; `null` says nothing and is left out.

use super::{Found, Scratch};
use crate::logs::records::{
    FieldValue, Fields,
    json::{Reader, Value},
};

/// How deep objects may be nested before the text counts as no JSON.
const DEPTH: usize = 32;

pub(super) fn parse(text: &str, fields: &mut Fields, scratch: &mut Scratch) -> Option<Found> {
    let mut reader = Reader::new(text.as_bytes());
    reader.expect(b'{')?;
    scratch.name.clear();
    object(&mut reader, fields, scratch, 0)?;
    reader.end()?;
    Some(Found::default())
}

fn object(reader: &mut Reader<'_>, fields: &mut Fields, scratch: &mut Scratch, depth: usize) -> Option<()> {
    if depth >= DEPTH {
        return None;
    }
    let prefix = scratch.name.len();
    let mut is_first = true;
    while let Some(key) = reader.next_key(is_first)? {
        is_first = false;
        scratch.name.truncate(prefix);
        // A name that is too long is not made longer by those within.
        if prefix <= crate::logs::records::fields::NAME_BYTES {
            if prefix > 0 {
                scratch.name.push('.');
            }
            if let Some(plain) = key.plain() {
                scratch.name.push_str(plain);
            } else {
                scratch.text.clear();
                key.append_to(&mut scratch.text)?;
                scratch.name.push_str(std::str::from_utf8(&scratch.text).ok()?);
            }
        }
        let name = scratch.name.as_str();
        match reader.value()? {
            Value::Text(quoted) => {
                if let Some(plain) = quoted.plain() {
                    fields.push(name, FieldValue::Text(plain));
                } else {
                    scratch.text.clear();
                    quoted.append_to(&mut scratch.text)?;
                    fields.push(name, FieldValue::Text(std::str::from_utf8(&scratch.text).ok()?));
                }
            }
            Value::Number(digits) => fields.push(name, number(std::str::from_utf8(digits).ok()?)?),
            Value::Boolean(truth) => fields.push(name, FieldValue::Boolean(truth)),
            Value::Null => {}
            Value::Object => object(reader, fields, scratch, depth + 1)?,
            Value::List(list) => fields.push(name, FieldValue::Text(std::str::from_utf8(list).ok()?)),
        }
    }
    scratch.name.truncate(prefix);
    Some(())
}

/// A number. A whole one that is too large for 64 bits stays text: rounded it would be another one.
fn number(digits: &str) -> Option<FieldValue<'_>> {
    if let Ok(number) = digits.parse() {
        return Some(FieldValue::Integer(number));
    }
    let number: f64 = digits.parse().ok()?;
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    Some(if is_whole || !number.is_finite() { FieldValue::Text(digits) } else { FieldValue::Double(number) })
}
