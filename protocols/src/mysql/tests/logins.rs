//! Greetings, logins, and what they may end in.

use super::*;

#[test]
fn the_version_that_a_server_greets_with_tells_mariadb_from_mysql() {
    for (version, system) in [
        ("8.4.3", "mysql"),
        ("9.0.0-log", "mysql"),
        ("5.7.44-percona", "mysql"),
        ("5.5.5-10.11.6-MariaDB-0+deb12u1", "mariadb"),
        ("11.4.2-mariadb", "mariadb"),
        ("8.0.11-TiDB-v7.5.0", "mysql"),
    ] {
        let mut wire = Wire::new();
        wire.answers(&greeting(version)).asks(&login(CAPABILITIES, "app", "shop")).answers(&ok(2, 0));
        wire.asks(&command(14, b"")).answers(&ok(1, 0));
        let [_, ping] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
        assert_eq!(ping.attribute("db.system.name"), Some(system), "{version}");
    }
}

#[test]
fn a_login_lasts_from_the_clients_first_packet_through_a_switch_of_methods_to_the_last_word() {
    let mut wire = Wire::new();
    wire.answers(&greeting("8.4.3"));
    let (asked, login) = (wire.now + 1_000, login(CAPABILITIES, "app", "shop"));
    wire.asks(&login);
    wire.answers(&packet(2, b"\xfecaching_sha2_password\0challenge challenge\0"));
    wire.asks(&packet(3, &[7; 32])).answers(&packet(4, &[1, 4])).asks(&packet(5, &[2]));
    wire.answers(&packet(6, b"\x01-----BEGIN PUBLIC KEY-----")).asks(&packet(7, &[9; 256]));
    wire.answers(&ok(8, 0));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.name.as_str()), ("LOGIN app@shop", "LOGIN shop"));
    assert_eq!((seen.started, seen.ended), (asked, Some(wire.now)));
    assert_eq!(seen.offsets, [Some(0), Some(greeting("8.4.3").len() as u64)], "it answers no request");
    assert_eq!(seen.request_bytes, login.len() as u64 + 36 + 5 + 260);
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.attribute("plainsight.db.user"), Some("app"));
    assert_eq!(seen.attribute("db.namespace"), Some("shop"));
}

#[test]
fn a_denied_login_is_an_error_with_its_code_and_state() {
    let mut wire = Wire::new();
    wire.answers(&greeting("8.4.3"))
        .asks(&login(CAPABILITIES, "app", ""))
        .answers(&failure(2, 1045, "28000"));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.error()), ("LOGIN app ERR 1045", Some("1045")));
    assert_eq!(seen.attribute("db.response.status_code"), Some("1045"));
    assert_eq!(seen.attribute("plainsight.db.sqlstate"), Some("28000"));
    assert_eq!(seen.attribute("db.namespace"), None);
}

#[test]
fn a_server_that_refuses_before_it_is_asked_is_reported_with_its_reason() {
    for refusal in
        [packet(0, b"\xff\x10\x04Too many connections"), packet(0, b"\xff\x10\x04#08004Too many connections")]
    {
        let mut wire = Wire::new();
        wire.answers(&refusal);
        let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
        assert_eq!((seen.summary.as_str(), seen.error()), ("LOGIN ERR 1040", Some("1040")));
        assert_eq!((seen.outcome, seen.request_bytes), (Outcome::Complete, 0));
    }
}

#[test]
fn a_connection_that_turns_to_tls_says_nothing_more_in_this_protocol() {
    let mut wire = Wire::new();
    let mut request = (CAPABILITIES | 1 << 11).to_le_bytes().to_vec();
    request.extend([0, 0, 0, 1, 33]);
    request.extend([0; 23]);
    wire.answers(&greeting("8.4.3")).asks(&packet(1, &request));
    assert_eq!(wire.conversation.state(), State::Parsing(crate::Protocol::Tls));
    let recorder = wire.asks(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).close(CloseReason::Closed);
    assert_eq!((recorder.seen, recorder.unobserved), (vec![], 0));
}

#[test]
fn a_check_that_only_opens_the_connection_is_no_exchange() {
    let mut wire = Wire::new();
    let recorder = wire.answers(&greeting("8.4.3")).close(CloseReason::Closed);
    assert_eq!(recorder.seen, []);
}

#[test]
fn a_login_that_is_not_answered_says_why() {
    let mut wire = Wire::new();
    let recorder =
        wire.answers(&greeting("8.4.3")).asks(&login(CAPABILITIES, "app", "shop")).close(CloseReason::Reset);
    assert_eq!(told(&recorder.seen), ["LOGIN app@shop connection_reset (no response)"]);
}

#[test]
fn commands_may_be_sent_with_the_login_before_its_answer() {
    let mut wire = Wire::new();
    wire.answers(&greeting("11.4.2-MariaDB")).asks(&login(CAPABILITIES, "app", "shop"));
    wire.asks(&query("SELECT a FROM t1")).asks(&query("SELECT b FROM t2"));
    wire.answers(&ok(2, 0)).answers(&result(2, false)).answers(&failure(1, 1146, "42S02"));
    assert_eq!(wire.summaries(), ["LOGIN app@shop", "SELECT t1 2 rows", "SELECT t2 ERR 1146"]);
}

#[test]
fn another_user_has_another_database_and_no_prepared_statements() {
    let mut wire = logged_in(0);
    wire.asks(&prepare("SELECT ? FROM t")).answers(&prepared(7, 1, 1, false));
    wire.asks(&command(0x11, b"boss\0\x14aaaaaaaaaaaaaaaaaaaaother\0\x21\0mysql_native_password\0"));
    wire.answers(&packet(1, b"\xfemysql_native_password\0challenge\0")).asks(&packet(2, &[3; 20]));
    wire.answers(&ok(3, 0)).asks(&execute(7)).answers(&result(1, false));
    assert_eq!(
        wire.summaries(),
        ["PREPARE SELECT t", "CHANGE_USER boss@other", "EXECUTE (unknown statement) 1 row"]
    );
    assert_eq!(wire.recorder.seen[2].attribute("db.namespace"), Some("other"));
    wire.asks(&command(0x11, b"nobody\0\0third\0")).answers(&failure(1, 1045, "28000"));
    wire.asks(&command(14, b"")).answers(&ok(1, 0));
    assert_eq!(wire.summaries()[3..], ["CHANGE_USER nobody@third ERR 1045", "PING"]);
    assert_eq!(wire.recorder.seen[4].attribute("db.namespace"), Some("other"));
}

#[test]
fn clients_from_before_version_4_1_can_log_in() {
    let mut wire = Wire::new();
    wire.answers(&greeting("5.0.96")).asks(&packet(1, b"\x05\x24\0\0\0old\0scramble")).answers(&ok(2, 0));
    assert_eq!(wire.summaries(), ["LOGIN old"]);
}
