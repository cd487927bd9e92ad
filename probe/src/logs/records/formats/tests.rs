//! Tests of formats: real lines, and lines that are almost of a format.

use super::super::{
    settings::Parse,
    tests::{NOW, fields, one, parsing},
};

#[test]
fn an_access_log_of_nginx_and_apache_is_taken_apart() {
    let settings = parsing(Parse::AccessLog);
    let line = r#"10.0.0.7 - jane [02/Jan/2026:03:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 612 "https://shop.example/" "curl/8.5 \"x\"" "-""#;
    let (record, counts) = one(&settings, line);
    assert_eq!((record.body.as_str(), record.time_ns), (line, Some(NOW)));
    assert_eq!(
        fields(&record),
        "client.address=10.0.0.7\nuser.name=jane\nhttp.request.method=GET\nurl.original=/a?b=c\nnetwork.protocol.version=1.1\n\
         http.response.status_code=200\nhttp.response.body.size=612\nhttp.request.referrer=https://shop.example/\n\
         user_agent.original=curl/8.5 \\\"x\\\""
    );
    assert_eq!((record.severity, counts.unparsable), (None, 0));
    let (record, _) =
        one(&settings, r#"shop.example:80 ::1 - - [02/Jan/2026:03:04:05 +0000] "\x16\x03\x01" 400 -"#);
    assert_eq!(
        fields(&record),
        "server.address=shop.example:80\nclient.address=::1\nhttp.request.line=\\x16\\x03\\x01\nhttp.response.status_code=400"
    );
    for broken in [
        "10.0.0.7 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" OK 1",
        "[02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" 200 1",
        "10.0.0.7 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\\",
    ] {
        let (record, counts) = one(&settings, broken);
        assert_eq!((record.body.as_str(), record.fields.len(), counts.unparsable), (broken, 0, 1));
    }
}

#[test]
fn error_logs_of_nginx_and_apache_are_taken_apart() {
    let line = "2026/01/02 03:04:05 [error] 123#456: *789 open() \"/x\" failed (2: No such file), client: 10.0.0.7, server: shop, request: \"GET /x HTTP/1.1\"";
    let (record, _) = one(&parsing(Parse::NginxError), line);
    assert_eq!(record.body, &line[42..]);
    assert_eq!(
        (record.time_ns, record.severity, record.severity_text.as_str()),
        (Some(NOW), Some(17), "error")
    );
    assert_eq!(
        fields(&record),
        "process.pid=123\nthread.id=456\nnginx.connection=789\nclient.address=10.0.0.7\nserver.address=shop"
    );
    let line = "[Fri Jan 02 03:04:05.000000 2026] [core:crit] [pid 35:tid 43] [client 10.0.0.7:1234] AH1: no";
    let (record, _) = one(&parsing(Parse::ApacheError), line);
    assert_eq!((record.body.as_str(), record.time_ns, record.severity), ("AH1: no", Some(NOW), Some(18)));
    assert_eq!(
        fields(&record),
        "apache.module=core\nprocess.pid=35\nthread.id=43\nclient.address=10.0.0.7\nclient.port=1234"
    );
    assert_eq!(one(&parsing(Parse::ApacheError), "[Fri Jan 02 03:04:05 2026] nothing").1.unparsable, 1);
}

#[test]
fn syslog_is_taken_apart_in_both_forms() {
    let settings = parsing(Parse::Syslog);
    let (record, _) = one(
        &settings,
        "<34>1 2026-01-02T03:04:05Z host su 42 ID47 [ex@1 a=\"x\\\"y\" b=\"\"][t] \u{feff}'su root' failed",
    );
    assert_eq!(
        (record.body.as_str(), record.time_ns, record.severity),
        ("'su root' failed", Some(NOW), Some(18))
    );
    assert_eq!(
        fields(&record),
        "syslog.facility=4\nhost.name=host\nsyslog.app_name=su\nsyslog.proc_id=42\nsyslog.msg_id=ID47\nsyslog.ex@1.a=x\"y\nsyslog.ex@1.b="
    );
    let (record, _) = one(&settings, "<165>1 - - - - - -");
    assert_eq!((record.body.as_str(), record.time_ns, record.severity), ("", None, Some(10)));
    for line in [
        "<86>Jan  2 03:04:05 host sshd[42]: Accepted key",
        "Jan  2 03:04:05 host sshd[42]: Accepted key",
        "2026-01-02T03:04:05.000000+00:00 host sshd[42]: Accepted key",
    ] {
        let (record, _) = one(&settings, line);
        assert_eq!((record.body.as_str(), record.time_ns), ("Accepted key", Some(NOW)), "{line}");
        assert!(fields(&record).ends_with("host.name=host\nsyslog.app_name=sshd\nsyslog.proc_id=42"));
    }
    let (record, _) = one(&settings, "Jan  2 03:04:05 kernel: [  12.3] oom");
    assert_eq!((record.body.as_str(), fields(&record).as_str()), ("[  12.3] oom", "syslog.app_name=kernel"));
    for broken in ["<999>1 x", "<34>1 - a b", "Hello world", "<34>1 - - - - - [a b=\"c"] {
        let (record, counts) = one(&settings, broken);
        assert_eq!((record.body.as_str(), counts.unparsable, record.fields.len()), (broken, 1, 0));
    }
}

#[test]
fn klog_is_taken_apart() {
    let (record, _) =
        one(&parsing(Parse::Klog), "W0102 03:04:05.250000    1234 reflector.go:324] watch ended: x]y");
    assert_eq!((record.body.as_str(), record.severity), ("watch ended: x]y", Some(13)));
    assert_eq!(record.time_ns, Some(NOW + 250_000_000));
    assert_eq!(fields(&record), "process.pid=1234\ncode.file.path=reflector.go\ncode.line.number=324");
    assert_eq!(one(&parsing(Parse::Klog), "Warning: 0102 03:04:05 x").1.unparsable, 1);
}

#[test]
fn values_between_delimiters_are_named_and_quotes_hold_them_together() {
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let csv = parsing(Parse::Delimited { delimiter: b',', quote: Some(b'"'), names: names.clone() });
    let (record, _) = one(&csv, r#"1,"x, ""y""","#);
    assert_eq!(fields(&record), "a=1\nb=x, \"y\"\nc=");
    for broken in ["1,2", "1,2,3,4", r#"1,"2,3"#, r#""1"x,2,3"#] {
        assert_eq!(one(&csv, broken).1.unparsable, 1, "{broken}");
    }
    let bars = parsing(Parse::Delimited { delimiter: b'|', quote: None, names });
    assert_eq!(fields(&one(&bars, r#""1|2|3""#).0), "a=\"1\nb=2\nc=3\"");
}

#[test]
fn pairs_of_names_and_values_are_taken_apart_and_prose_is_not() {
    let settings = parsing(Parse::KeyValue);
    let (record, _) = one(&settings, r#"a=1  b="x \"y\"\n" c= path="C:\dir" d=e=f"#);
    assert_eq!(fields(&record), "a=1\nb=x \"y\"\n\nc=\npath=C:\\dir\nd=e=f");
    for prose in ["see a=1", "a=1 and more", "=x", "a=\"open", "a=\"b\"c"] {
        assert_eq!(one(&settings, prose).1.unparsable, 1, "{prose}");
    }
}

#[test]
fn named_groups_of_a_pattern_become_fields() {
    let settings = parsing(Parse::Regex(
        r"^(?<time>\S+ \S+) (?<level>\w+) (?:\[(?<thread>[^\]]*)\] )?(?<message>.*)".to_owned(),
    ));
    let (record, _) = one(&settings, "2026-01-02 03:04:05 WARN [main] slow: 3 s");
    assert_eq!((record.body.as_str(), record.severity, record.time_ns), ("slow: 3 s", Some(13), Some(NOW)));
    assert_eq!(fields(&record), "thread=main");
    assert_eq!(fields(&one(&settings, "2026-01-02 03:04:05 WARN slow").0), "");
    assert_eq!(one(&settings, "x").1.unparsable, 1);
}

proptest::proptest! {
    /// What another library writes is read as it was meant.
    #[test]
    fn any_text_in_json_is_read_back(name in "\\PC{1,20}", text in proptest::prelude::any::<String>(), number in proptest::prelude::any::<i64>()) {
        let name = format!("x{name}");
        let mut document = serde_json::Map::new();
        document.insert(name.clone(), text.clone().into());
        document.insert("number".to_owned(), number.into());
        let line = serde_json::Value::Object(document).to_string();
        let (record, _) = one(&parsing(Parse::Json), &line);
        proptest::prop_assert!(record.fields.contains(&(name, text)), "{record:?}");
        proptest::prop_assert!(record.fields.contains(&("number".to_owned(), number.to_string())));
    }

    /// What another library takes as an object is taken.
    #[test]
    fn what_is_json_for_another_library_is_json_here(text in "\\{(\"[ab\\\\n\"]{0,4}\"|[\\[\\]{},: 0-9.eE+-]|true|null){0,12}\\}") {
        let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok();
        let (_, counts) = one(&parsing(Parse::Json), &text);
        proptest::prop_assert!(!is_object || counts.unparsable == 0, "{text}");
    }
}
