//! Memory of the probe at rest and with many connections open.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Setting, connections, machine, probe::Probe};

/// Time after which the probe is taken to have settled.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures both.
pub(crate) fn measure(setting: &Setting) -> Result<()> {
    println!("\nresident memory of the probe");
    let probe = Probe::start(&setting.probe)?;
    thread::sleep(SETTLE);
    show("at rest", &probe)?;
    let holders = connections::open(setting.open_connections)?;
    thread::sleep(SETTLE);
    show(&format!("with {} open connections, both ends on this machine", setting.open_connections), &probe)?;
    drop(holders);
    thread::sleep(SETTLE);
    show("after they were closed", &probe)?;
    println!("  the probe said: {}", probe.stop()?.line);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of memory are far below 2^52")]
fn show(when: &str, probe: &Probe) -> Result<()> {
    let resident = machine::memory_of(probe.id(), "VmRSS")? as f64 / 1e6;
    let highest = machine::memory_of(probe.id(), "VmHWM")? as f64 / 1e6;
    println!("  {when}: {resident:.1} MB (at most {highest:.1} MB so far)");
    Ok(())
}
