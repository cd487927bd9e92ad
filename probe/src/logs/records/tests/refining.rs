//! Severity, trace, filters, changes and originals.

use super::*;

#[test]
fn fields_with_a_meaning_become_what_they_mean() {
    let line = concat!(
        r#"{"ts":1767323045.25,"level":"Warning","message":"it \"works\"","TraceId":"0af7651916cd43dd8448eb211c80319c","#,
        r#""spanId":"b7ad6b7169203331","a":{"b":{"c":1}},"list":[1,{"x":2}],"none":null,"big":18446744073709551615}"#
    );
    let (record, counts) = one(&parsing(Parse::Json), line);
    assert_eq!(record.body, "it \"works\"");
    assert_eq!(record.time_ns, Some(NOW + 250_000_000));
    assert_eq!((record.severity, record.severity_text.as_str()), (Some(13), "Warning"));
    assert_eq!(record.trace, Some(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes()));
    assert_eq!(record.span, Some(0xb7ad_6b71_6920_3331_u64.to_be_bytes()));
    assert_eq!(fields(&record), "a.b.c=1\nlist=[1,{\"x\":2}]\nbig=18446744073709551615");
    assert_eq!((counts.unparsable, counts.time_unparsable), (0, 0));
}

#[test]
fn what_cannot_be_understood_stays_as_it_is_and_is_counted() {
    let (record, counts) =
        one(&parsing(Parse::Json), r#"{"time":"yesterday","level":"odd","msg":7,"trace_id":"xyz"}"#);
    assert_eq!(record.time_ns, None, "no time is made up");
    assert_eq!((record.severity, record.trace), (None, None));
    assert_eq!(record.body, r#"{"time":"yesterday","level":"odd","msg":7,"trace_id":"xyz"}"#);
    assert_eq!(fields(&record), "time=yesterday\nlevel=odd\nmsg=7\ntrace_id=xyz");
    assert_eq!(counts.time_unparsable, 1);
    let (record, counts) = one(&parsing(Parse::Json), "{\"a\":1, broken");
    assert_eq!((record.body.as_str(), record.fields.len(), counts.unparsable), ("{\"a\":1, broken", 0, 1));
}

#[test]
fn formats_are_tried_in_order_and_leave_nothing_behind() {
    let mut settings = parsing(Parse::Json);
    settings.parse.push(Parse::KeyValue);
    let (record, _) = one(&settings, r#"{"a":1} b=2"#);
    assert_eq!(record.fields.len(), 0);
    let (record, _) = one(&settings, "level=info a=1 msg=\"two words\"");
    assert_eq!((record.body.as_str(), record.severity), ("two words", Some(9)));
    assert_eq!(fields(&record), "a=1");
}

#[test]
fn the_time_is_taken_from_where_the_settings_say() {
    let at = |source: TimeSource, line: &str| {
        let mut settings = parsing(Parse::Json);
        settings.time.source = source;
        one(&settings, line)
    };
    let line = r#"{"time":"2026-01-02T03:04:05Z","at":"2026-01-02T03:04:06Z"}"#;
    assert_eq!(at(TimeSource::Usual, line).0.time_ns, Some(NOW));
    let (record, _) = at(TimeSource::Field("at".to_owned()), line);
    assert_eq!(
        (record.time_ns, fields(&record)),
        (Some(NOW + 1_000_000_000), "time=2026-01-02T03:04:05Z".to_owned())
    );
    assert_eq!(at(TimeSource::Nowhere, line).0.time_ns, None);
    let mut plain = parsing(Parse::Json);
    plain.parse.clear();
    plain.time.source = TimeSource::Start;
    assert_eq!(one(&plain, "2026-01-02 03:04:05,000 INFO started").0.time_ns, Some(NOW));
    let (record, counts) = one(&plain, "no time here");
    assert_eq!((record.time_ns, counts.time_unparsable), (None, 1));
    plain.time.formats = vec![TimeFormat::Pattern("%d.%m.%Y %H:%M:%S".to_owned())];
    plain.time.zone = "Europe/Berlin".to_owned();
    assert_eq!(one(&plain, "02.01.2026 04:04:05 los").0.time_ns, Some(NOW));
}

#[test]
fn a_word_for_the_severity_is_found_in_text_and_the_users_own_words_count() {
    let mut settings = Settings::default();
    settings.severity.in_text = true;
    settings.severity.words = vec![("SCHLIMM".to_owned(), Severity::FATAL)];
    let number = |line: &str| one(&settings, line).0.severity;
    assert_eq!(number("2026-01-02 03:04:05 [main] ERROR a.b.C - no"), Some(17));
    assert_eq!(number("12:00 SCHLIMM etwas"), Some(21));
    assert_eq!(number("an error in lower case is prose"), None);
    assert_eq!(number("ERRORS are none"), None);
    let mut named = parsing(Parse::Json);
    named.severity.field = Some("prio".to_owned());
    named.severity.words = vec![("3".to_owned(), Severity::ERROR)];
    assert_eq!(one(&named, r#"{"prio":3,"level":"info"}"#).0.severity, Some(17));
    assert_eq!(one(&parsing(Parse::Json), r#"{"level":50}"#).0.severity, Some(17));
    assert_eq!(one(&parsing(Parse::Json), r#"{"level":3}"#).0.severity, None);
}

#[test]
fn trace_and_span_are_taken_from_text_that_has_them() {
    let of = |line: &str| {
        let (record, _) = one(&Settings::default(), line);
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        (record.trace.map(|id| hex(&id)), record.span.map(|id| hex(&id)))
    };
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let both = (Some(trace.to_owned()), Some(span.to_owned()));
    assert_eq!(of(&format!("done trace_id={trace} parent_span_id=1111111111111111 span_id={span}")), both);
    assert_eq!(of(&format!("{{\"traceId\": \"{trace}\", \"spanId\":\"{span}\"}}")), both);
    assert_eq!(of(&format!("Traceback of TraceID: {trace}, SpanID: {span}")), both);
    assert_eq!(of(&format!("traceparent: 00-{trace}-{span}-01")), both);
    assert_eq!(of(&format!("trace_id={trace}")), (Some(trace.to_owned()), None));
    assert_eq!(of(&format!("trace_id={trace}0")), (None, None), "longer than an id");
    assert_eq!(of(&format!("trace_id={}", "0".repeat(32))), (None, None), "none");
    assert_eq!(of(&format!("span_id={span}")), (None, None), "a span without a trace names nothing");
    let mut silent = Settings { trace_in_text: false, ..Settings::default() };
    assert_eq!(one(&silent, &format!("trace_id={trace}")).0.trace, None);
    silent.parse = vec![Parse::Json];
    assert!(one(&silent, &format!("{{\"traceparent\":\"00-{trace}-{span}-01\"}}")).0.trace.is_some());
}

#[test]
fn filters_keep_and_drop_by_body_and_by_field_and_count() {
    let filter = |action, field: Option<&str>, pattern: &str| Filter {
        action,
        field: field.map(str::to_owned),
        pattern: pattern.to_owned(),
    };
    let mut settings = parsing(Parse::KeyValue);
    settings.filters =
        vec![filter(FilterAction::Keep, Some("app"), "^shop"), filter(FilterAction::Drop, None, "health")];
    let text = b"app=shop1 path=/a\napp=bank path=/a\napp=shop2 path=/health\nno fields\n";
    let (keeper, counts) = all(&settings, text);
    assert_eq!(keeper.bodies(), ["app=shop1 path=/a"]);
    assert_eq!((counts.filtered, counts.records, counts.lines), (3, 1, 4));
}

#[test]
fn fields_are_added_renamed_and_removed_after_the_filters() {
    let mut settings = parsing(Parse::KeyValue);
    let name = str::to_owned;
    settings.changes = vec![
        Change::Add { name: name("env"), value: name("prod") },
        Change::Add { name: name("a"), value: name("new") },
        Change::Rename { from: name("b"), to: name("c") },
        Change::Rename { from: name("missing"), to: name("d") },
        Change::Remove { name: name("secret") },
    ];
    settings.keep_original = true;
    let (record, _) = one(&settings, "a=1 b=2 c=3 d=4 secret=5 msg=hello");
    assert_eq!(record.body, "hello");
    assert_eq!(
        fields(&record),
        "a=new\nc=2\nd=4\nlog.record.original=a=1 b=2 c=3 d=4 secret=5 msg=hello\nenv=prod"
    );
}

#[test]
fn masks_reach_body_fields_and_original() {
    let mut settings = parsing(Parse::Json);
    settings.keep_original = true;
    let mask = |kind, fields: &[&str]| Mask {
        kind,
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        replacement: Mask::REPLACEMENT.to_owned(),
    };
    settings.masks = vec![mask(MaskKind::Email, &[]), mask(MaskKind::Token, &[])];
    let (record, counts) = one(&settings, r#"{"msg":"from a@b.org","password":"pass","to":"c@d.org"}"#);
    assert_eq!(record.body, "from ***");
    assert_eq!(
        fields(&record),
        "password=***\nto=***\nlog.record.original={\"msg\":\"from ***\",\"password\":\"***\",\"to\":\"***\"}"
    );
    assert_eq!(counts.masked, 1);
    settings.masks = vec![mask(MaskKind::Email, &["to"])];
    let (record, _) = one(&settings, r#"{"msg":"from a@b.org","to":"c@d.org"}"#);
    assert_eq!((record.body.as_str(), record.fields[0].1.as_str()), ("from a@b.org", "***"));
}

#[test]
fn fields_have_a_bound_and_what_is_left_out_is_counted() {
    let many: Vec<_> = (0..1000).map(|number| format!("\"f{number}\":{number}")).collect();
    let (record, counts) = one(&parsing(Parse::Json), &format!("{{{}}}", many.join(",")));
    assert_eq!((record.fields.len(), counts.fields_dropped), (128, 872));
    // Names that grow with each level would take far more memory than the text.
    let key = "k".repeat(200);
    let deep = format!("{}1{}", format!("{{\"{key}\":").repeat(20), "}".repeat(20));
    let (record, counts) = one(&parsing(Parse::Json), &deep);
    assert_eq!((record.fields.len(), counts.fields_dropped), (0, 1));
    let (_, counts) = one(&parsing(Parse::Json), &"{\"a\":".repeat(100_000));
    assert_eq!(counts.unparsable, 1);
    let (_, counts) = one(&parsing(Parse::Json), &format!("{{\"a\":{}", "[".repeat(100_000)));
    assert_eq!(counts.unparsable, 1);
}
