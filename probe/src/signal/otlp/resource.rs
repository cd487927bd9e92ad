//! A resource in OTLP.

use crate::{
    identity::{Resource, ResourceValue},
    signal::protobuf,
};

/// Appends the content of a `Resource` message.
pub fn encode_resource(out: &mut Vec<u8>, resource: &Resource) {
    for (name, value) in &resource.attributes {
        protobuf::nested(out, 1, |out| {
            protobuf::text(out, 1, name);
            protobuf::nested(out, 2, |out| match value {
                ResourceValue::Text(text) => protobuf::text(out, 1, text),
                ResourceValue::Integer(number) => protobuf::integer(out, 3, number.cast_unsigned()),
                ResourceValue::Texts(texts) => protobuf::nested(out, 5, |out| {
                    for text in texts {
                        protobuf::nested(out, 1, |out| protobuf::text(out, 1, text));
                    }
                }),
            });
        });
    }
}
