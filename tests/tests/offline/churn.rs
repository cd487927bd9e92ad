//! A day of coming and going, with the clock in the test's hand: processes, connections and services that appear, do
//! something and go, for ever others. What is kept must not grow with them.

use plainsight::signal::metrics::MetricSettings;

use super::fed::{Fed, SECOND, is_alone, memory};

/// Hours of the day: all of them where the code is fast enough for a test.
const HOURS: usize = if cfg!(debug_assertions) { 8 } else { 24 };

/// Hours in which every table finds its size: that of connections whose ends are known, of which the service graph keeps
/// as many as a bound says, is the last.
const SETTLING: usize = 6;

/// Connections that begin and end in each second.
const CONNECTIONS: u64 = 10;

/// Seconds for which a process lives: its id is never seen again.
const LIFE: u64 = 2;

/// Seconds after which processes belong to services that nobody had heard of.
const SERVICES: u64 = 60;

/// What memory may grow by from then on.
const GROWTH_BYTES: u64 = 8 << 20;

fn process(second: u64) -> u32 {
    u32::try_from(10 + second / LIFE).expect("a pid")
}

/// Three services at a time, three others a minute later.
fn service(pid: u32) -> String {
    let minute = u64::from(pid - 10) * LIFE / SERVICES;
    format!("service-{minute}-{}", pid % 3)
}

#[test]
fn a_day_of_processes_connections_and_services_leaves_memory_flat() {
    if !is_alone("churn::a_day_of_processes_connections_and_services_leaves_memory_flat") {
        return;
    }
    let mut fed = Fed::new(MetricSettings::default(), service);
    let (mut made, mut settled, mut hourly) = (0, 0, Vec::new());
    for second in 0..HOURS as u64 * 3600 {
        let begun = fed.now;
        for number in 0..CONNECTIONS {
            let pid = process(second);
            let mut spoken = fed.open(pid, number % 2 == 0);
            let request =
                format!("GET /{}/{second} HTTP/1.1\r\nHost: h{}.example\r\n\r\n", service(pid), second % 977);
            fed.ask(&mut spoken, request.as_bytes(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            // One in five is left open, and given up after ten minutes of silence.
            if number % 5 != 0 {
                fed.close(&spoken);
            }
            made += 1;
        }
        fed.now = begun + SECOND;
        fed.second();
        if second % 60 == 59 {
            // The requests are the exporter's; here they go nowhere.
            drop(fed.store.collect(fed.wall()));
        }
        if second % 3600 == 3599 {
            let (status, open) = (fed.store.status(), fed.worker.counters().connections.open);
            hourly.push((memory() >> 10, status.series, status.services, open));
            if hourly.len() == SETTLING {
                settled = memory();
            }
        }
    }
    println!("memory in KiB, series, services and open connections, hour by hour: {hourly:?}");
    assert_eq!(fed.worker.observer().exchanges, made);
    assert!(fed.spans > 0, "spans were made");
    let grown = memory().saturating_sub(settled);
    assert!(grown < GROWTH_BYTES, "memory grew by {grown} bytes: {hourly:?}");
    for (_, series, services, open) in hourly {
        assert!(services <= 200 && series <= 2_000 * 8, "{services} services, {series} series");
        assert!(open <= 65_536, "{open} connections");
    }
}
