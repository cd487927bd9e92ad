//! What machine the figures are of, and what its processors have done.

use std::fs;

use anyhow::{Context as _, Result};

/// Ticks a second of the times in `/proc` (`USER_HZ`, proc(5)): 100 on every architecture that Linux offers today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor, cores, memory and kernel in one line.
pub(crate) fn description() -> Result<String> {
    let cores = std::thread::available_parallelism().context("cannot count the processors")?;
    let processors = read("/proc/cpuinfo")?;
    let model = value(&processors, "model name").unwrap_or("a processor that does not say its name");
    let memory = read("/proc/meminfo")?;
    let kibibytes: u64 =
        value(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease")?;
    Ok(format!("{model}, {cores} cores, {} GiB, Linux {}", kibibytes.div_ceil(1024 * 1024), kernel.trim()))
}

/// Seconds that all processors together have worked since boot, interrupts included, idle and stolen time left out.
pub(crate) fn busy_seconds() -> Result<f64> {
    let text = read("/proc/stat")?;
    busy(&text).context("/proc/stat has no line of all processors")
}

fn busy(stat: &str) -> Option<f64> {
    let fields: Vec<f64> = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))?
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, …
    let worked = fields.first()? + fields.get(1)? + fields.get(2)? + fields.get(5)? + fields.get(6)?;
    Some(worked / TICKS_PER_SECOND)
}

/// A size in `/proc/PID/status`, such as `VmRSS`, in bytes.
pub(crate) fn memory_of(process: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = read(&path)?;
    let kibibytes: Option<u64> = value(&status, field).and_then(|text| text.split(' ').next()?.parse().ok());
    kibibytes.map(|size| size * 1024).with_context(|| format!("{path} has no {field}"))
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_stolen_time_is_not_work() {
        let stat = "cpu  100 10 200 9000 50 5 35 77 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(busy(stat).map(|seconds| (seconds * 100.0).round()), Some(350.0));
    }

    #[test]
    fn this_machine_can_be_described_and_measured() {
        assert!(description().expect("proc is mounted").contains("Linux"));
        assert!(memory_of(std::process::id(), "VmRSS").expect("proc is mounted") > 100_000);
        assert!(busy_seconds().expect("proc is mounted") > 0.0);
    }
}
