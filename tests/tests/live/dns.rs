//! The domain name system live: what the probe reports must be what the clients were told, from both ends.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{IpAddr, SocketAddr, UdpSocket},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    dnsmasq::{ANSWERED, ASKED, Dnsmasq, line, number},
    durations::median,
    probe::{Outcome, Probe},
    record::Record,
};

const SIDES: [&str; 2] = ["client", "server"];

/// The hooks that there are: the best one, and those of older kernels.
const HOOKS: [&str; 3] = ["best", "exit", "raw"];

fn watch(port: u16) -> Result<Probe> {
    watch_by("best", port)
}

fn watch_by(hook: &str, port: u16) -> Result<Probe> {
    Probe::start(&["--port", &port.to_string(), "--hook", hook])
}

#[test]
fn what_dig_asks_over_udp_and_tcp_is_seen_from_both_ends() -> Result<()> {
    let server = Dnsmasq::start()?;
    let probe = watch(server.port)?;
    ASKED.iter().try_for_each(|arguments| server.dig(arguments).map(drop))?;
    let outcome = probe.stop()?;
    for side in SIDES {
        let records = outcome.side(side);
        let lines: Vec<_> = records.iter().map(|record| line(record)).collect();
        assert_eq!(lines, ANSWERED, "{side}: {:?}", outcome.messages);
        for record in records {
            let context = format!("{record:?}");
            assert_eq!(record.protocol, "dns", "{context}");
            assert_eq!(record.server.port, server.port, "{context}");
            assert!(["127.0.0.1", "127.0.0.2"].contains(&record.server.address.as_str()), "{context}");
            assert_eq!(record.client.address, "127.0.0.1", "{context}");
            assert!(record.duration_ns.is_some(), "{context}");
            let code = record.text("plainsight.dns.response_code");
            assert_eq!(record.error_type.as_deref(), (code != "NOERROR").then_some(code), "{context}");
            assert!(!context.contains("s3cr3t"), "{context}");
            let comm = record.process.as_ref().map_or("", |process| process.comm.as_str());
            assert_eq!(comm == "dnsmasq", side == "server", "{context}");
        }
    }
    Ok(())
}

#[test]
fn every_lookup_of_dnsperf_is_seen_once_from_either_end() -> Result<()> {
    let server = Dnsmasq::start()?;
    let names: Vec<_> = (0..48).map(|number| format!("n{number}.example.test A")).collect();
    let mut questions: Vec<_> = names.iter().map(String::as_str).collect();
    questions.extend(["plain.example.test A", "both.example.test AAAA"]);
    let cases = HOOKS.map(|hook| (hook, "udp", 60, "4")).into_iter().chain([("best", "tcp", 4, "2")]);
    for (hook, transport, times, clients) in cases {
        let probe = watch_by(hook, server.port)?;
        let report = server.dnsperf(&questions, times, &["-m", transport, "-c", clients, "-q", "50"])?;
        let outcome = probe.stop()?;
        for side in SIDES {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for record in outcome.side(side) {
                let code = record.text("plainsight.dns.response_code");
                *counts.entry(if code.is_empty() { &record.outcome } else { code }).or_default() += 1;
                assert_eq!(record.text("network.transport"), transport);
            }
            let count = |what: &str| counts.get(what).copied().unwrap_or(0);
            let context = format!("{hook} {side} {transport}: {counts:?} {:?} {report}", outcome.messages);
            assert_eq!(count("NOERROR"), number(&report, "NOERROR")?, "{context}");
            assert_eq!(count("NXDOMAIN"), number(&report, "NXDOMAIN")?, "{context}");
            assert_eq!(count("no_response"), number(&report, "Queries lost:")?, "{context}");
            assert_eq!(counts.values().sum::<u64>(), number(&report, "Queries sent:")?, "{context}");
        }
    }
    Ok(())
}

/// A script of `tests/servers` in a network of its own. It ends when this is dropped.
struct Apart {
    child: Child,
    output: std::io::Lines<BufReader<ChildStdout>>,
}

impl Apart {
    /// Starts it, by `unshare` with further arguments, and waits until it is ready.
    fn start(unshare: &[&str], script: &str, arguments: &[&Path]) -> Result<Self> {
        let mut child = Command::new("unshare")
            .args(unshare)
            .args(["--net", "python3"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting unshare (apt-get install util-linux iproute2 python3)")?;
        let output = BufReader::new(child.stdout.take().context("its output")?).lines();
        let mut script = Self { child, output };
        ensure!(script.next()? == "ready");
        Ok(script)
    }

    fn next(&mut self) -> Result<String> {
        self.output.next().context("the script ended")?.context("its output")
    }

    /// Gives it a line, and gives the line back that it answers.
    fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.child.stdin.as_mut().context("its input")?, "{line}")?;
        self.next()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Its end of input is its own end, which takes what it started along.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

#[test]
fn getaddrinfo_asks_for_both_kinds_of_addresses_in_one_call_and_both_are_seen() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = "port=53\nno-resolv\nno-hosts\nlisten-address=127.0.0.1\nbind-interfaces\nlocal=/example.test/\n\
                    address=/ready.example.test/192.0.2.1\nhost-record=both.example.test,192.0.2.7,2001:db8::7\n\
                    host-record=four.example.test,192.0.2.4\n";
    std::fs::write(folder.path().join("dnsmasq.conf"), settings)?;
    let mut resolver = Apart::start(&["--mount"], "resolver.py", &[folder.path()])?;
    for hook in HOOKS {
        let probe = watch_by(hook, 53)?;
        assert_eq!(resolver.ask("both.example.test")?, r#"["192.0.2.7", "2001:db8::7"]"#);
        assert_eq!(resolver.ask("four.example.test")?, r#"["192.0.2.4"]"#);
        assert!(resolver.ask("nothere.example.test")?.contains("not known"));
        let outcome = probe.stop()?;
        for side in SIDES {
            // Others on this machine may use that port, too.
            let mut lines: Vec<_> = outcome
                .side(side)
                .into_iter()
                .filter(|record| record.text("dns.question.name").ends_with(".example.test"))
                .map(line)
                .collect();
            lines.sort();
            let expected = [
                "udp A both.example.test NOERROR complete",
                "udp A four.example.test NOERROR complete",
                "udp A nothere.example.test NXDOMAIN complete",
                "udp AAAA both.example.test NOERROR complete",
                "udp AAAA four.example.test NOERROR complete",
                "udp AAAA nothere.example.test NXDOMAIN complete",
            ];
            assert_eq!(lines, expected, "{hook}, {side}: {:?}", outcome.messages);
        }
    }
    Ok(())
}

#[test]
fn questions_to_groups_are_told_apart_by_their_protocol_and_silence_is_no_error() -> Result<()> {
    let mut group = Apart::start(&[], "multicast.py", &[])?;
    for (port, address, suffix, kind) in
        [(5353, "224.0.0.251", ".local", "mdns"), (5355, "224.0.0.252", "", "llmnr")]
    {
        let probe = watch(port)?;
        let answer = group.ask(&format!("{port} {address} here{suffix}"))?;
        assert!(answer.parse::<usize>().is_ok(), "{answer}");
        assert_eq!(group.ask(&format!("{port} {address} gone{suffix}"))?, "silence");
        let outcome = probe.stop()?;
        let asked: Vec<_> = outcome
            .side("client")
            .into_iter()
            .filter(|record| record.text("plainsight.dns.kind") == kind)
            .collect();
        let lines: Vec<_> = asked.iter().map(|record| line(record)).collect();
        let here = format!("udp A here{suffix} NOERROR complete");
        let gone = format!("udp A gone{suffix}  no_response");
        assert_eq!(
            lines,
            [here.as_str(), gone.as_str()],
            "{kind}: {:?} {:?}",
            outcome.records,
            outcome.messages
        );
        assert!(asked.iter().all(|record| record.error_type.is_none()), "{asked:?}");
        // A member is the server only of what it answers.
        let answered: Vec<_> = outcome.side("server").into_iter().map(line).collect();
        assert_eq!(answered, [here], "{kind}: {:?}", outcome.records);
    }
    Ok(())
}

/// A question for the address of names below `example.test`.
fn question(id: u16, names: &[String]) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let count = u8::try_from(names.len()).unwrap_or(u8::MAX);
    let mut message = vec![high, low, 1, 0, 0, count, 0, 0, 0, 0, 0, 0];
    for name in names {
        for label in [name.as_str(), "example", "test", ""] {
            message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            message.extend(label.as_bytes());
        }
        message.extend([0, 1, 0, 1]);
    }
    message
}

/// Answers so many questions, each with nothing, through a socket that is not connected. Gives who asked.
fn serve(socket: UdpSocket, number: usize) -> JoinHandle<Result<Vec<SocketAddr>>> {
    std::thread::spawn(move || {
        let mut askers = Vec::new();
        let mut buffer = [0; 2048];
        for _ in 0..number {
            let (length, from) = socket.recv_from(&mut buffer)?;
            buffer[2] |= 0x80;
            socket.send_to(&buffer[..length], from)?;
            askers.push(from);
        }
        Ok(askers)
    })
}

fn bound(address: &str) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(address).with_context(|| address.to_owned())?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(socket)
}

fn ends(record: &Record) -> Result<[SocketAddr; 2]> {
    let end = |address: &str, port| Ok::<_, anyhow::Error>(SocketAddr::new(address.parse::<IpAddr>()?, port));
    Ok([end(&record.client.address, record.client.port)?, end(&record.server.address, record.server.port)?])
}

/// Asks a server bound to one address, under another, through sockets that are connected and such that are not.
fn through(hook: &str, server_at: &str, asked_at: &str, client_at: &str) -> Result<()> {
    const QUESTIONS: u16 = 20;
    let context = format!("{hook}: {client_at} asks {asked_at} of a server at {server_at}");
    let server = bound(server_at)?;
    let address = SocketAddr::new(asked_at.parse()?, server.local_addr()?.port());
    let probe = watch_by(hook, address.port())?;
    let serving = serve(server, 2 * usize::from(QUESTIONS));
    let mut elapsed = Vec::new();
    let mut clients = Vec::new();
    for is_connected in [true, false] {
        let client = bound(client_at)?;
        if is_connected {
            client.connect(address)?;
        }
        for id in 0..QUESTIONS {
            let message = question(id, &[format!("n{id}")]);
            let begun = Instant::now();
            if is_connected {
                client.send(&message)?;
                client.recv(&mut [0; 512])?;
            } else {
                client.send_to(&message, address)?;
                client.recv_from(&mut [0; 512])?;
            }
            elapsed.push(begun.elapsed());
        }
        clients.push(client);
    }
    serving.join().map_err(|_| anyhow::anyhow!("the server failed"))??;
    let outcome = probe.stop()?;
    let ports: Vec<_> = clients
        .iter()
        .map(|client| client.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?;
    for side in SIDES {
        let records = outcome.side(side);
        assert_eq!(records.len(), 2 * usize::from(QUESTIONS), "{context}, {side}: {:?}", outcome.messages);
        for (number, record) in records.into_iter().enumerate() {
            let which = number / usize::from(QUESTIONS);
            let name = format!("n{}.example.test", number % usize::from(QUESTIONS));
            assert_eq!(line(record), format!("udp A {name} NOERROR complete"), "{context}, {side}");
            let [client, server] = ends(record)?;
            assert_eq!(
                (client.port(), server.port()),
                (ports[which], address.port()),
                "{context}: {record:?}"
            );
            // A socket bound to no address has none of its own to show; its peer's is never in doubt.
            let peer = if side == "server" { client.ip() } else { server.ip() };
            assert_eq!(peer, address.ip(), "{context}, {side}: {record:?}");
        }
    }
    let own = median(elapsed);
    let durations = outcome.side("client").into_iter().filter_map(|record| record.duration_ns);
    let seen = median(durations.map(Duration::from_nanos).collect());
    let allowed = (own / 10).max(Duration::from_micros(50));
    assert!(own.abs_diff(seen) <= allowed, "{context}: the client measured {own:?}, the probe {seen:?}");
    Ok(())
}

#[test]
fn whoever_asks_a_server_whose_socket_is_not_connected_is_shown_with_its_address() -> Result<()> {
    through("best", "127.0.0.1:0", "127.0.0.1", "127.0.0.1:0")?;
    through("best", "[::1]:0", "::1", "[::1]:0")?;
    for hook in HOOKS {
        through(hook, "0.0.0.0:0", "127.0.0.1", "0.0.0.0:0")?;
        through(hook, "[::]:0", "::1", "[::]:0")?;
    }
    Ok(())
}

#[test]
fn a_server_of_both_families_shows_who_asked_over_the_older_one() -> Result<()> {
    HOOKS.into_iter().try_for_each(|hook| through(hook, "[::]:0", "127.0.0.1", "127.0.0.1:0"))
}

#[test]
fn a_socket_that_peeks_does_not_lend_its_peer_to_another() -> Result<()> {
    let [first, second] = [bound("127.0.0.1:0")?, bound("127.0.0.1:0")?];
    let [asker, other] = [bound("127.0.0.1:0")?, bound("127.0.0.1:0")?];
    second.connect(other.local_addr()?)?;
    let port = second.local_addr()?.port();
    let probe = watch(port)?;
    asker.send_to(&question(1, &["peeked".to_owned()]), first.local_addr()?)?;
    other.send_to(&question(2, &["read".to_owned()]), second.local_addr()?)?;
    let mut buffer = [0; 512];
    first.peek_from(&mut buffer)?;
    let length = second.recv(&mut buffer)?;
    buffer[2] |= 0x80;
    second.send(&buffer[..length])?;
    other.recv_from(&mut buffer)?;
    let outcome = probe.stop()?;
    for side in SIDES {
        let records = outcome.side(side);
        let lines: Vec<_> = records.iter().map(|record| line(record)).collect();
        assert_eq!(lines, ["udp A read.example.test NOERROR complete"], "{side}: {:#?}", outcome.records);
        assert_eq!(ends(records[0])?, [other.local_addr()?, second.local_addr()?], "{side}");
    }
    Ok(())
}

#[test]
fn a_message_with_several_questions_is_seen() -> Result<()> {
    let server = bound("127.0.0.1:0")?;
    let address = server.local_addr()?;
    let probe = watch(address.port())?;
    let serving = serve(server, 1);
    let client = bound("127.0.0.1:0")?;
    let names: Vec<_> = (0..20).map(|number| format!("n{number}")).collect();
    client.send_to(&question(7, &names), address)?;
    client.recv_from(&mut [0; 2048])?;
    serving.join().map_err(|_| anyhow::anyhow!("the server failed"))??;
    let outcome = probe.stop()?;
    for side in SIDES {
        let lines: Vec<_> = outcome.side(side).into_iter().map(line).collect();
        assert_eq!(lines, ["udp A n0.example.test NOERROR complete"], "{side}: {:#?}", outcome.records);
    }
    Ok(())
}

/// The only record of one side.
fn only<'r>(outcome: &'r Outcome, side: &str) -> &'r Record {
    let records = outcome.side(side);
    assert_eq!(records.len(), 1, "{side}: {:#?}", outcome.records);
    records[0]
}

#[test]
fn a_question_that_nobody_answers_is_given_up_at_both_ends() -> Result<()> {
    let server = bound("127.0.0.1:0")?;
    let address = server.local_addr()?;
    let probe = watch(address.port())?;
    let client = bound("127.0.0.1:0")?;
    client.send_to(&question(9, &["silence".to_owned()]), address)?;
    server.recv_from(&mut [0; 512])?;
    std::thread::sleep(Duration::from_millis(6500));
    let outcome = probe.stop()?;
    for side in SIDES {
        let record = only(&outcome, side);
        assert_eq!(line(record), "udp A silence.example.test  no_response", "{record:?}");
        assert_eq!(record.outcome_reason.as_deref(), Some("timeout"), "{record:?}");
        assert_eq!(record.error_type.as_deref(), Some("timeout"), "{record:?}");
        assert_eq!(record.duration_ns, None, "{record:?}");
        assert_eq!(ends(record)?, [client.local_addr()?, address], "{record:?}");
    }
    Ok(())
}
