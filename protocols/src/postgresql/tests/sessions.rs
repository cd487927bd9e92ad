//! The beginning of connections.

use super::*;
use crate::{Outcome, State};

fn md5() -> Vec<u8> {
    message(b'R', &[&[0, 0, 0, 5], b"salt"])
}

#[test]
fn a_start_up_is_an_exchange_and_tells_who_and_how() {
    let mut wire = Wire::new();
    let hello = startup(&[("user", "ann"), ("database", "shop"), ("application_name", "psql")]);
    let password = message(b'p', &[b"md5s3cret\0"]);
    wire.ask(&[&hello]).answer(&[md5()]).ask(&[&password]).answer(&[welcome()]);
    let recorder = wire.closed();
    let [seen] = recorder.seen.as_slice() else { panic!("{:?}", recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.name.as_str()), ("CONNECT shop", "CONNECT shop"));
    assert_eq!(seen.attribute("plainsight.postgresql.user"), Some("ann"));
    assert_eq!(seen.attribute("plainsight.postgresql.authentication"), Some("md5"));
    assert_eq!(seen.attribute("plainsight.postgresql.process_id"), Some("77"));
    assert_eq!(seen.attribute("network.protocol.version"), Some("3.0"));
    assert_eq!(seen.attribute("db.operation.name"), Some("CONNECT"));
    assert_eq!(seen.request_bytes, (hello.len() + password.len()) as u64);
    assert_eq!(seen.response_bytes, (md5().len() + welcome().len()) as u64);
    assert!(!format!("{seen:?}").contains("s3cr"));
}

#[test]
fn without_a_name_the_database_is_called_like_its_user() {
    let mut wire = Wire::new();
    wire.ask(&[startup(&[("user", "ann")])]).answer(&[welcome()]);
    assert_eq!(wire.recorder.seen[0].attribute("db.namespace"), Some("ann"));
}

#[test]
fn the_schema_is_shown_where_the_server_tells_of_it() {
    let mut wire = session();
    for (path, namespace) in [
        ("app, public", "shop|app"),
        ("\"$user\", public", "shop"),
        ("\"Other\"", "shop|Other"),
        ("", "shop"),
    ] {
        wire.answer(&[parameter("search_path", path)]).ask(&[query("SELECT 1")]).answer(&[rows(1)]);
        let seen = wire.recorder.seen.pop().expect("reported");
        assert_eq!(seen.attribute("db.namespace"), Some(namespace));
    }
}

#[test]
fn a_refused_start_up_is_an_error() {
    let mut wire = Wire::new();
    wire.ask(&[startup(&[("user", "ann")])]).answer(&[md5()]);
    wire.ask(&[message(b'p', &[b"md5s3cret\0"])]).answer(&[failure("FATAL", "28P01")]);
    assert_eq!(
        lines(&wire.recorder),
        ["CONNECT ann ERROR 28P01"],
        "without waiting for the end of the connection"
    );
    assert_eq!(lines(&wire.closed()).len(), 1);
}

#[test]
fn encryption_refused_goes_on_in_the_clear() {
    let mut wire = Wire::new();
    let gssenc = opening(&[4, 0xd2, 0x16, 0x30]);
    wire.ask(&[gssenc]).answer(&[b"N".to_vec()]).ask(&[ssl_request()]).answer(&[b"N".to_vec()]);
    wire.ask(&[startup(&[("user", "ann")])]).answer(&[welcome()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    assert_eq!(
        lines(&recorder),
        ["GSSENCRequest refused", "SSLRequest refused", "CONNECT ann", "SELECT 1 row"]
    );
    assert_eq!((recorder.seen[1].request_bytes, recorder.seen[1].response_bytes), (8, 1));
}

#[test]
fn encryption_accepted_hands_the_connection_over() {
    let mut wire = Wire::new();
    wire.ask(&[ssl_request()]).answer(&[b"S".to_vec()]);
    assert_eq!(wire.conversation.state(), State::Parsing(crate::Protocol::Tls));
    wire.ask(&[b"\x16\x03\x01\x00\x05hello".to_vec()]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SSLRequest accepted"]);
    assert_eq!(recorder.seen[0].attribute("plainsight.postgresql.encryption"), Some("accepted"));
}

#[test]
fn a_server_that_does_not_know_the_request_answers_with_an_error() {
    let mut wire = Wire::new();
    wire.ask(&[ssl_request()]).answer(&[failure("FATAL", "0A000")]);
    assert_eq!(lines(&wire.closed()), ["SSLRequest ERROR 0A000"]);
}

#[test]
fn a_verdict_reported_before_its_request_belongs_to_it() {
    let mut wire = Wire::new();
    wire.keyed = false;
    wire.bytes(Direction::ToClient, b"N");
    wire.ask(&[ssl_request()]).ask(&[startup(&[("user", "ann")])]).answer(&[welcome()]);
    assert_eq!(lines(&wire.closed()), ["SSLRequest refused", "CONNECT ann"]);
}

#[test]
fn a_request_to_cancel_is_complete_without_an_answer_and_shows_no_key() {
    let mut wire = Wire::new();
    wire.ask(&[opening(&[4, 0xd2, 0x16, 0x2e, 0, 0, 0, 77, b's', b'3', b'c', b'r'])]);
    assert_eq!(wire.conversation.state(), State::Ignored);
    let recorder = wire.closed();
    let [seen] = recorder.seen.as_slice() else { panic!("{:?}", recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.outcome), ("CancelRequest", Outcome::Complete));
    assert_eq!((seen.request_bytes, seen.ended), (16, Some(seen.started)));
    assert_eq!(seen.attribute("plainsight.postgresql.process_id"), Some("77"));
    assert!(!format!("{seen:?}").contains("s3cr"));
}

#[test]
fn a_longer_key_of_version_3_2_cancels_too() {
    let mut wire = Wire::new();
    let mut body = vec![4, 0xd2, 0x16, 0x2e, 0, 0, 0, 77];
    body.extend([7; 32]);
    wire.ask(&[opening(&body)]);
    assert_eq!(lines(&wire.closed()), ["CancelRequest"]);
}

#[test]
fn the_version_is_the_one_that_was_agreed_on() {
    let mut wire = Wire::new();
    let mut hello = startup(&[("user", "ann"), ("_pq_.new", "1")]);
    hello[7] = 2;
    let negotiate = message(b'v', &[&0x0003_0000_u32.to_be_bytes(), &1_u32.to_be_bytes(), b"_pq_.new\0"]);
    wire.ask(&[hello]).answer(&[negotiate, welcome()]);
    assert_eq!(wire.recorder.seen[0].attribute("network.protocol.version"), Some("3.0"));
}

#[test]
fn replication_is_reported_to_its_beginning_and_left_alone() {
    let mut wire = session();
    wire.ask(&[query("START_REPLICATION 0/0")]).answer(&[message(b'W', &[&[0, 0, 0]])]);
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(wire.closed().seen.len(), 1);
}

#[test]
fn the_end_of_a_session_is_no_exchange() {
    let mut wire = session();
    wire.ask(&[message(b'X', &[])]);
    assert_eq!(lines(&wire.closed()), [""; 0]);
}
