use super::*;
use crate::signal::{Example, ExampleDetails};

fn with<R>(protocol: Protocol, details: ExampleDetails, see: impl FnOnce(&Facets<'_>) -> R) -> R {
    Example { protocol, details, ..Example::default() }
        .observe(|observed| see(&Facets::of(observed.exchange, observed.side, &Example::endpoints())))
}

/// Method, path and status, `-` for what is absent.
fn of(protocol: Protocol, attributes: &[(&'static str, &'static str)]) -> [String; 3] {
    with(protocol, ExampleDetails::with(attributes), |facets| {
        let status = facets.status.as_ref().map(ToString::to_string);
        [facets.method.as_deref(), facets.path.as_deref(), status.as_deref()]
            .map(|facet| facet.unwrap_or("-").to_owned())
    })
}

#[test]
fn a_servers_facets_come_from_its_attributes() {
    with(Protocol::Http, ExampleDetails::default(), |facets| {
        assert_eq!(facets.method.as_deref(), Some("GET"));
        assert_eq!(facets.path.as_deref(), Some("/users/17"));
        assert_eq!(facets.status, Some(StatusCode::Number(200)));
    });
}

#[test]
fn a_method_out_of_the_list_is_shown_as_it_was_sent() {
    let attributes = [("http.request.method_original", "BREW"), ("http.request.method", "_OTHER")];
    assert_eq!(of(Protocol::Http, &attributes), ["BREW", "-", "-"]);
}

#[test]
fn a_lookups_facets_are_type_name_and_code() {
    let attributes = [
        ("dns.question.name", "example.org"),
        ("plainsight.dns.question.type", "AAAA"),
        ("plainsight.dns.response_code", "NXDOMAIN"),
    ];
    assert_eq!(of(Protocol::Dns, &attributes), ["AAAA", "example.org", "NXDOMAIN"]);
    let update = [("plainsight.dns.question.type", "SOA"), ("plainsight.dns.opcode", "UPDATE")];
    assert_eq!(of(Protocol::Dns, &update), ["UPDATE", "-", "-"]);
}

#[test]
fn a_call_is_known_by_its_method_alone_and_by_its_whole_name() {
    let attributes = [("rpc.method", "hello.Greeter/SayHello"), ("rpc.response.status_code", "UNAVAILABLE")];
    assert_eq!(
        of(Protocol::Grpc, &attributes),
        ["hello.Greeter/SayHello", "/hello.Greeter/SayHello", "UNAVAILABLE"]
    );
    with(Protocol::Grpc, ExampleDetails::with(&attributes), |facets| {
        assert!(facets.has_method("sayhello") && facets.has_method("hello.Greeter/SayHello"));
        assert!(!facets.has_method("hello.Greeter"));
    });
}

#[test]
fn a_caches_path_is_the_first_key_and_no_masked_value() {
    let get = |text| of(Protocol::Redis, &[("db.operation.name", "GET"), ("db.query.text", text)]);
    assert_eq!(get("GET user:17"), ["GET", "user:17", "-"]);
    assert_eq!(get("GET a b ?"), ["GET", "a", "-"]);
    for text in ["GET", "GET ?", "GETEX user:17"] {
        assert_eq!(get(text), ["GET", "-", "-"], "{text}");
    }
    let called = [
        ("db.operation.name", "FCALL"),
        ("db.query.text", "FCALL tally 1 k"),
        ("db.stored_procedure.name", "tally"),
    ];
    assert_eq!(of(Protocol::Redis, &called), ["FCALL", "tally", "-"]);
}

#[test]
fn a_statement_is_its_verb_and_its_tables() {
    let of = |attributes: &[_]| of(Protocol::Mysql, attributes);
    assert_eq!(of(&[("db.query.summary", "SELECT orders users")]), ["SELECT", "orders users", "-"]);
    assert_eq!(of(&[("db.query.summary", "BEGIN"), ("db.namespace", "shop")]), ["BEGIN", "shop", "-"]);
    let prepared = [("db.operation.name", "PREPARE"), ("db.query.summary", "PREPARE INSERT t")];
    assert_eq!(of(&prepared), ["PREPARE", "t", "-"]);
    assert_eq!(of(&[("db.operation.name", "PING")]), ["PING", "-", "-"]);
}

#[test]
fn each_table_of_a_statement_can_be_asked_for_quoted_or_in_a_schema() {
    let summary = [("db.query.summary", "SELECT `shop`.`orders` customers")];
    with(Protocol::Mysql, ExampleDetails::with(&summary), |facets| {
        for table in ["orders", "customers", "cust*s", "`shop`.`orders`"] {
            assert!(facets.has_path(&table.parse().expect("a path")), "{table}");
        }
        assert!(!facets.has_path(&"invoices".parse().expect("a path")));
    });
    with(Protocol::Http, ExampleDetails::http("GET", "/a /b", 200), |facets| {
        assert!(!facets.has_path(&"/b".parse().expect("a path")), "a path is no list");
    });
}

#[test]
fn a_statement_whose_text_is_not_known_is_what_the_server_says_of_it() {
    let tags = Value::Texts(vec!["INSERT 0 3".into()]);
    let details = ExampleDetails {
        attributes: vec![("plainsight.postgresql.command_tags", tags)],
        ..ExampleDetails::default()
    };
    with(Protocol::Postgresql, details, |facets| assert_eq!(facets.method.as_deref(), Some("INSERT")));
}

#[test]
fn a_broker_is_asked_by_api_or_operation_for_any_of_its_topics() {
    let names = Value::Texts(vec!["orders".into(), "audit".into()]);
    let attributes = vec![
        ("messaging.operation.name", Value::Text("send".into())),
        ("plainsight.kafka.api", Value::Text("Produce".into())),
        ("plainsight.kafka.topic_names", names),
        ("plainsight.kafka.error_code", Value::Integer(6)),
    ];
    let details = ExampleDetails {
        attributes,
        error_type: Some("NOT_LEADER_OR_FOLLOWER"),
        ..ExampleDetails::default()
    };
    with(Protocol::Kafka, details, |facets| {
        assert!(facets.has_method("produce") && facets.has_method("SEND"));
        assert!(facets.has_path(&"audit".parse().expect("a path")));
        for status in ["6", "not_leader_or_follower", "NOT_LEADER*"] {
            assert!(facets.has_status(&status.parse().expect("a status")), "{status}");
        }
    });
    let heartbeat = [("plainsight.kafka.api", "Heartbeat"), ("messaging.consumer.group.name", "billing")];
    assert_eq!(of(Protocol::Kafka, &heartbeat), ["Heartbeat", "billing", "-"]);
}

#[test]
fn an_error_has_all_of_its_names() {
    let mysql = [("db.response.status_code", "1146"), ("plainsight.db.sqlstate", "42S02")];
    with(Protocol::Mysql, ExampleDetails::with(&mysql), |facets| {
        for status in ["1146", "42s02", "42*", "1000-1999"] {
            assert!(facets.has_status(&status.parse().expect("a status")), "{status}");
        }
        assert!(!facets.has_status(&"23*".parse().expect("a status")));
    });
    let mongodb = [("db.response.status_code", "11000"), ("plainsight.mongodb.code_name", "DuplicateKey")];
    with(Protocol::Mongodb, ExampleDetails::with(&mongodb), |facets| {
        assert!(
            ["11000", "duplicatekey"].iter().all(|status| facets.has_status(&status.parse().expect("one")))
        );
    });
}

#[test]
fn an_answer_that_never_came_has_the_reason_for_its_status() {
    let details = ExampleDetails { error_type: Some("connection_reset"), ..ExampleDetails::with(&[]) };
    with(Protocol::Redis, details, |facets| {
        assert!(facets.has_status(&"connection_reset".parse().expect("a status")));
    });
}

#[test]
fn a_handshakes_path_is_the_name_that_was_asked_for() {
    assert_eq!(of(Protocol::Tls, &[("server.address", "shop.example")]), ["-", "shop.example", "-"]);
}

#[test]
fn a_clients_path_is_cut_out_of_its_url() {
    let cases = [
        ("http://h:80/a/b?c=d", "/a/b"),
        ("https://h/a#f?x", "/a"),
        ("http://h", ""),
        ("http://h?q=/x", ""),
        ("/only/path?x", "/only/path"),
    ];
    for (url, path) in cases {
        assert_eq!(path_of_url(Cow::Borrowed(url)), path, "{url}");
        assert_eq!(path_of_url(Cow::Owned(url.to_owned())), path, "{url}");
    }
}
