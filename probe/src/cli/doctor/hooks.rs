//! Whether the kernel takes the programs: each hook is attached for a moment.

use super::Check;
use crate::capture::{CaptureError, CaptureOptions, TriedHook, try_hooks};

pub(super) fn checks() -> Vec<Check> {
    let ring = CaptureOptions::default().ring_bytes >> 20;
    let hooks = match try_hooks() {
        Ok(hooks) => hooks,
        Err(error) => return vec![Check::failed("hooks", error.to_string(), remedy(&error))],
    };
    let mut checks = vec![Check::ok("ring", format!("{ring} MiB between kernel and userspace"))];
    checks.extend(hooks.into_iter().map(|TriedHook { name, attached }| match attached {
        Ok(hook) => match hook.note {
            None => Check::ok(name, format!("attaches as {}", hook.form)),
            Some(note) => Check::warning(
                name,
                format!("attaches as {} only: {note}", hook.form),
                "none needed; calls cost a little more than with a BTF tracepoint, which Linux 5.11 brings",
            ),
        },
        Err(error) => Check::failed(name, error.to_string(), remedy(&error)),
    }));
    checks
}

fn remedy(error: &CaptureError) -> &'static str {
    match error {
        CaptureError::NotPermitted(_) => "run it as root",
        CaptureError::Layout(_) => "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        CaptureError::Refused { .. } => {
            "use a kernel from 5.10 on with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_EVENTS=y"
        }
    }
}
