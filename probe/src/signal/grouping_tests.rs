use super::*;
use crate::{
    identity::{Container, Pod},
    signal::{Example, ExampleDetails},
};

fn key_of(example: &Example, grouping: &Grouping) -> Vec<u8> {
    let mut key = b"left over".to_vec();
    example.observe(|observed| grouping.write_key(observed, &mut key));
    key
}

#[test]
fn every_field_reads_back_as_it_was_seen() {
    let grouping = Grouping::new(KeyField::ALL.to_vec(), false);
    let key = key_of(&Example::default(), &grouping);
    let values: Vec<_> = grouping.values(&key).map(|value| value.unwrap_or("-")).collect();
    assert_eq!(
        values,
        [
            "nginx(4242)",
            "nginx",
            "4242",
            "http",
            "server",
            "GET",
            "/users/17",
            "/users/17",
            "200",
            "-",
            "complete",
            "10.0.0.9:8080",
            "10.0.0.7",
            "10.0.0.7",
            "10.0.0.7:41822 → 10.0.0.9:8080",
            "-",
            "-",
            "GET",
        ]
    );
}

#[test]
fn an_absent_value_is_not_an_empty_one() {
    let grouping = Grouping::new(vec![KeyField::Path, KeyField::Pid], false);
    let nothing = ExampleDetails { attributes: Vec::new(), ..ExampleDetails::default() };
    let absent = key_of(&Example { pid: 0, details: nothing, ..Example::default() }, &grouping);
    assert_eq!(grouping.values(&absent).collect::<Vec<_>>(), [None, None]);
    let empty =
        key_of(&Example { details: ExampleDetails::http("GET", "", 200), ..Example::default() }, &grouping);
    assert_eq!(grouping.values(&empty).next(), Some(Some("")));
}

#[test]
fn a_value_of_a_stranger_cannot_reach_into_the_next_field() {
    let grouping = Grouping::new(vec![KeyField::Method, KeyField::Path], false);
    let one =
        key_of(&Example { details: ExampleDetails::http("A\0B", "C", 1), ..Example::default() }, &grouping);
    let other =
        key_of(&Example { details: ExampleDetails::http("A", "B\0C", 1), ..Example::default() }, &grouping);
    assert_ne!(one, other);
}

#[test]
fn a_long_value_is_cut_at_a_characters_border() {
    let path: &'static str = Box::leak(format!("/{}", "é".repeat(VALUE_LIMIT)).into_boxed_str());
    let grouping = Grouping::new(vec![KeyField::Path, KeyField::Comm], false);
    let key =
        key_of(&Example { details: ExampleDetails::http("GET", path, 200), ..Example::default() }, &grouping);
    let values: Vec<_> = grouping.values(&key).collect();
    assert_eq!(values[0].map(str::len), Some(VALUE_LIMIT - 1));
    assert_eq!(values[1], Some("nginx"));
}

#[test]
fn containers_are_told_apart_by_process_until_they_are_known() {
    let grouping = Grouping::new(vec![KeyField::Container, KeyField::Pod, KeyField::Comm], false);
    let key = key_of(&Example::default(), &grouping);
    assert_eq!(grouping.pid(&key), Some(4242));
    let identity = Identity {
        container: Some(Container { id: "c0ffee".into(), ..Container::default() }.into()),
        pod: Some(Pod { pod_uid: "1-2-3".into(), ..Pod::default() }.into()),
        ..Identity::default()
    };
    let mut resolved = Vec::new();
    grouping.resolve(&key, Some(&identity), &mut resolved);
    let values: Vec<_> = grouping.resolved().values(&resolved).collect();
    assert_eq!(values, [Some("c0ffee"), Some("1-2-3"), Some("nginx")]);
}

#[test]
fn the_overflow_key_says_other_in_every_field_also_when_resolved() {
    let grouping = Grouping::new(vec![KeyField::Container, KeyField::Path], false);
    let mut resolved = Vec::new();
    grouping.resolve(&grouping.overflow_key(), None, &mut resolved);
    assert_eq!(grouping.resolved().values(&resolved).collect::<Vec<_>>(), [Some(OVERFLOW), Some(OVERFLOW)]);
}

#[test]
fn every_field_is_named_and_accepted_by_its_name() {
    for field in KeyField::ALL {
        assert_eq!(field.name().parse(), Ok(field));
    }
    for (name, field) in OTHER_NAMES {
        assert_eq!(name.parse(), Ok(field));
    }
    let error = "colour".parse::<KeyField>().expect_err("not a key").to_string();
    for field in KeyField::ALL {
        assert!(error.contains(field.name()), "{} is not in: {error}", field.name());
    }
}

#[test]
fn a_route_is_the_path_where_there_is_no_route() {
    let grouping = Grouping::new(vec![KeyField::Route], false);
    let routed = ExampleDetails::with(&[("url.path", "/users/17"), ("plainsight.http.route", "/users/{id}")]);
    let key = key_of(&Example { details: routed, ..Example::default() }, &grouping);
    assert_eq!(grouping.values(&key).next(), Some(Some("/users/{id}")));
    let key = key_of(&Example::default(), &grouping);
    assert_eq!(grouping.values(&key).next(), Some(Some("/users/17")));
}

#[test]
fn failures_are_grouped_by_what_failed() {
    let grouping = Grouping::new(vec![KeyField::Error], false);
    let key = key_of(&Example::without_response(), &grouping);
    assert_eq!(grouping.values(&key).next(), Some(Some("connection_reset")));
}

#[test]
fn every_protocol_has_fields_of_its_own_and_several_are_told_apart() {
    for by_process in [true, false] {
        assert!(default_fields(&[], by_process).contains(&KeyField::Protocol));
        for protocol in Protocol::ALL {
            let fields = default_fields(&[protocol], by_process);
            assert!(!fields.contains(&KeyField::Protocol), "{protocol:?}");
            assert!(fields.contains(&KeyField::Name) || fields.contains(&KeyField::Path), "{protocol:?}");
        }
    }
}
