//! What a log file's bytes cost on their way from memory to OTLP requests, in megabytes of the file per second of one core.
//!
//! Each line of the table is one way of making records; `wanted` is what it must reach (issue 5). The fastest of many short rounds counts: it is the one that was disturbed least.
//! Run it with `cargo bench --package plainsight --bench logs`, perhaps with words that choose lines.
//!
//! To have another collector read the same bytes, run it with `--write DIRECTORY`, which leaves each input in a file of 1 GB there, and let it read one to a sink that does
//! nothing, for instance `fluent-bit -i tail -p path=DIRECTORY/plain.log -p read_from_head=on -p exit_on_eof=on -o null`, or Vector with a `file` source whose
//! `read_from` is `beginning` and a `blackhole` sink, or Filebeat with a `filestream` input and `output.discard`; compare by the processor time that `/proc/PID/stat` tells.

use std::{
    fs::File,
    hint::black_box,
    io::Write,
    time::{Duration, Instant},
};

use plainsight::{
    identity::{Resource, ResourceValue},
    logs::records::{
        Container, Encoder, EncoderLimits, Encoding, LogRecord, Maker, Mask, MaskKind, Multiline,
        MultilineRule, Parse, Preset, Settings, Sink, Source, TimeSettings,
    },
};

/// Bytes of a round, and of one reading of the file.
const ROUND: usize = 8 << 20;
const READ: usize = 256 << 10;
const MEASURED: Duration = Duration::from_secs(2);

/// nginx's format `combined` as users write it.
const COMBINED: &str = r#"^(?<client>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>[A-Z]+) (?<target>[^ ]*) [^"]*" (?<status>\d+) (?<size>\d+) "(?<referrer>[^"]*)" "(?<agent>[^"]*)"$"#;

struct Case {
    name: &'static str,
    wanted: u32,
    /// The file's name under `--write`, and one piece of it, which is repeated.
    input: (&'static str, String),
    settings: Settings,
}

struct Requests {
    encoder: Encoder,
    source: Source,
    bytes: usize,
    records: u64,
}

impl Sink for Requests {
    #[inline]
    fn record(&mut self, record: &LogRecord<'_>) {
        if !self.encoder.has_room(&self.source, record) {
            self.send();
        }
        self.records += 1;
        self.encoder.append(&self.source, record);
    }
}

impl Requests {
    fn send(&mut self) {
        if let Some(batch) = self.encoder.take() {
            self.bytes += black_box(batch).payload.len();
        }
    }
}

fn filled(beginning: &str, length: usize) -> String {
    let words = "the quick brown fox jumps over the lazy dog and goes on to the next request of its client ";
    let mut line = beginning.to_owned();
    while line.len() < length {
        line.push_str(words);
    }
    line.truncate(length - 1);
    line + "\n"
}

fn parsing(parse: Parse) -> Settings {
    let time = TimeSettings { zone: "UTC".to_owned(), ..TimeSettings::default() };
    Settings { parse: vec![parse], time, ..Settings::default() }
}

fn access_line() -> String {
    let head = r#"10.0.0.7 - - [02/Jan/2026:03:04:05 +0000] "GET /shop/items/17?sort=price&page=2 HTTP/1.1" 200 5316 "https://shop.example/shop/items" "#;
    let agent = "\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\"\n";
    format!("{head}{agent}")
}

fn trace() -> String {
    let mut text = filled("2026-01-02 03:04:05,678 ERROR [main] c.e.Shop - request failed: ", 200);
    text.push_str("java.lang.IllegalStateException: no connection left in the pool after 30000 ms\n");
    for line in 0..20 {
        text.push_str(&format!(
            "\tat com.example.shop.internal.connection.Pool.take{line}(Pool.java:4{line})\n"
        ));
    }
    for _ in 0..4 {
        text.push_str(&filled("2026-01-02 03:04:05,678 INFO  [main] c.e.Shop - request served: ", 200));
    }
    text
}

fn cases() -> Vec<Case> {
    let plain = filled("2026-01-02T03:04:05.678Z INFO shop request served: ", 512);
    let cri = filled("2026-01-02T03:04:05.678901234Z stdout F 2026-01-02 INFO shop: ", 552);
    let parts = filled("2026-01-02T03:04:05.678901234Z stdout P ", 16 << 10).repeat(3) + &cri;
    let docker = filled(r#"{"log":"2026-01-02 INFO shop: "#, 500).trim_end().to_owned()
        + "\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05.678901234Z\"}\n";
    let json = r#"{"time":"2026-01-02T03:04:05.678901234Z","level":"info","logger":"shop.http","msg":"request served to the client","method":"GET","path":"/shop/items/17","status":200,"duration_ms":12.75,"user":{"id":"u-18842","plan":"pro"},"client":"10.0.0.7","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","cached":false,"region":"eu-central-1","build":"2026.1.17-4f8a1c"}"#;
    let pairs = "time=2026-01-02T03:04:05.678Z level=info msg=\"request served to the client\" method=GET path=/shop/items/17 status=200 duration=12.75ms user=u-18842 client=10.0.0.7 region=eu-central-1\n";
    let multiline = |rule| Settings {
        multiline: Some(Multiline { rule, timeout: Duration::from_secs(5) }),
        ..Settings::default()
    };
    let mask = |kind| Mask { kind, fields: Vec::new(), replacement: Mask::REPLACEMENT.to_owned() };
    let masks =
        [MaskKind::CardNumber, MaskKind::Email, MaskKind::Token, MaskKind::UrlPassword].map(mask).to_vec();
    let wide: String = plain.encode_utf16().flat_map(u16::to_le_bytes).map(char::from).collect();
    let container = |container| Settings { container, ..Settings::default() };
    let start = MultilineRule::Start(r"^\d{4}-\d{2}-\d{2}".to_owned());
    let presets = vec![Preset::Java, Preset::Python, Preset::Go, Preset::DotNet, Preset::Node];
    let case = |name, wanted, file, text: &str, settings| Case {
        name,
        wanted,
        input: (file, text.to_owned()),
        settings,
    };
    vec![
        case("lines of 512 bytes", 1000, "plain.log", &plain, Settings::default()),
        case("container runtime, whole lines", 500, "cri.log", &cri, container(Container::Cri)),
        case("container runtime, parts of 16 KiB", 500, "cri-parts.log", &parts, container(Container::Cri)),
        case("docker's json-file", 0, "docker.log", &docker, container(Container::Docker)),
        case("json, 16 fields", 300, "json.log", &format!("{json}\n"), parsing(Parse::Json)),
        case(
            "regex, nginx combined",
            200,
            "access.log",
            &access_line(),
            parsing(Parse::Regex(COMBINED.to_owned())),
        ),
        case("access log, ready-made", 200, "access.log", &access_line(), parsing(Parse::AccessLog)),
        case("key=value", 0, "pairs.log", pairs, parsing(Parse::KeyValue)),
        case("multi-line, start pattern", 500, "trace.log", &trace(), multiline(start)),
        case(
            "multi-line, all presets",
            500,
            "trace.log",
            &trace(),
            multiline(MultilineRule::Presets(presets)),
        ),
        case("utf-16", 0, "wide.log", &wide, Settings { encoding: Encoding::Utf16Le, ..Settings::default() }),
        case("all masks", 0, "plain.log", &plain, Settings { masks, ..Settings::default() }),
    ]
}

/// Seconds of this thread's processor time, which another program's work does not lengthen.
fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Megabytes per second of processor time; the size of a record in its request.
fn measure(case: &Case, bytes: &[u8]) -> (f64, f64) {
    let resource = Resource {
        service_name: "shop".into(),
        service_namespace: None,
        attributes: vec![("service.name".into(), ResourceValue::Text("shop".into()))],
    };
    let attributes = [("log.file.name", "shop.log"), ("log.file.path", "/var/log/shop/shop.log")];
    let mut requests = Requests {
        encoder: Encoder::new(EncoderLimits::default()),
        // As in the daemon, where each record gets a name by which duplicates are known.
        source: Source::new(&resource, &attributes, Some(b"a file")),
        bytes: 0,
        records: 0,
    };
    let begun = Instant::now();
    let mut best = f64::MAX;
    while begun.elapsed() < MEASURED {
        let mut maker = Maker::new(&case.settings).expect("settings that can be used");
        let started = processor_time();
        let mut offset = 0;
        for chunk in bytes.chunks(READ) {
            maker.feed(black_box(chunk), offset, 1_767_323_045_000_000_000, &mut requests);
            offset += chunk.len() as u64;
        }
        maker.finish(1_767_323_045_000_000_000, &mut requests);
        requests.send();
        best = best.min(processor_time() - started);
        let counts = maker.counts();
        assert_eq!(
            counts.unparsable + counts.unwrapped + counts.cut + counts.time_unparsable,
            0,
            "{}: {counts:?}",
            case.name
        );
    }
    (bytes.len() as f64 / 1e6 / best, requests.bytes as f64 / requests.records as f64)
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(directory) =
        arguments.iter().position(|word| word == "--write").map(|place| &arguments[place + 1])
    {
        for case in cases() {
            let (name, text) = &case.input;
            let mut file = File::create(format!("{directory}/{name}")).expect("a file that can be written");
            let block: Vec<u8> = bytes_of(&case, text).repeat(1 + (1 << 20) / text.len());
            for _ in 0..1_000_000_000 / block.len() {
                file.write_all(&block).expect("room on the disk");
            }
        }
        return;
    }
    println!("{:36} {:>8} {:>8} {:>12}", "", "MB/s", "wanted", "bytes/record");
    for case in cases() {
        if !arguments.is_empty() && !arguments.iter().any(|word| case.name.contains(word.as_str())) {
            continue;
        }
        let piece = bytes_of(&case, &case.input.1);
        let bytes = piece.repeat(ROUND / piece.len());
        let (rate, size) = measure(&case, &bytes);
        let wanted = if case.wanted == 0 { String::new() } else { case.wanted.to_string() };
        println!("{:36} {rate:8.0} {wanted:>8} {size:12.0}", case.name);
    }
}

/// The bytes of the file: characters up to U+00FF are bytes of UTF-16 where that is read.
fn bytes_of(case: &Case, text: &str) -> Vec<u8> {
    match case.settings.encoding {
        Encoding::Utf16Le => {
            text.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect()
        }
        _ => text.as_bytes().to_vec(),
    }
}
