//! Booting a kernel under software emulation, which works on any machine, within other virtual machines too.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::kernel::Kernel;
use crate::supervise::{Ending, supervise};

/// The program that is needed.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// Boots until the machine powers off or the time is over. Each line of its console goes to `log` and `each_line`.
pub(crate) fn boot(
    kernel: &Kernel,
    initramfs: &Path,
    log: &Path,
    limit: Duration,
    mut each_line: impl FnMut(&str),
) -> Result<Ending> {
    let file =
        File::create(log).with_context(|| format!("cannot write the console log {}", log.display()))?;
    let mut file = BufWriter::new(file);
    let mut command = Command::new(PROGRAM);
    command
        .args(["-no-user-config", "-nodefaults", "-display", "none", "-nic", "none"])
        // QEMU 7.2 spoils the flags register in cmpxchg16b: kernels that use it, 6.12 for one, crash at random.
        // Of two processors one may run code that the other is patching, which its emulation also gets wrong at times.
        .args(["-accel", "tcg", "-cpu", "max,cx16=off", "-smp", "1", "-m", "768"])
        .args(["-serial", "stdio", "-no-reboot"])
        // Of the kernel only its last words: messages in the middle of a line would hide a result.
        .args(["-append", "console=ttyS0 panic=-1 loglevel=1"])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(initramfs);
    let mut written = Ok(());
    let ending = supervise(&mut command, limit, |line| {
        if written.is_ok() {
            written = writeln!(file, "{line}");
        }
        each_line(line);
    })?;
    written.and_then(|()| file.flush()).with_context(|| format!("cannot write {}", log.display()))?;
    Ok(ending)
}
