//! Whether the kernel takes the programs: each hook is attached for a moment.

use super::Check;
use crate::capture::{AttachedHook, CaptureError, CaptureOptions, TriedHook, try_hooks};

pub(super) fn checks() -> Vec<Check> {
    let ring = CaptureOptions::default().ring_bytes >> 20;
    let hooks = match try_hooks() {
        Ok(hooks) => hooks,
        Err(error) => return vec![failed("hooks", &error)],
    };
    let mut checks = vec![Check::ok("ring", format!("{ring} MiB between kernel and userspace"))];
    checks.extend(hooks.into_iter().map(|TriedHook { name, attached }| match attached {
        Ok(hook) => attached_check(&hook),
        Err(error) if name.starts_with("sched_") => Check::warning(
            name,
            error.to_string(),
            "none needed; processes that live for a moment may stay without names",
        ),
        Err(error) => failed(name, &error),
    }));
    checks
}

fn attached_check(hook: &AttachedHook) -> Check {
    let Some(note) = &hook.note else { return Check::ok(hook.name, format!("attaches as {}", hook.form)) };
    let found = format!("attaches as {} only, for better ones were refused: {note}", hook.form);
    Check::warning(hook.name, found, remedy_for_less(hook.form)).with_detail(note.log())
}

/// What the form of the hook costs, and what brings a better one.
fn remedy_for_less(form: &str) -> &'static str {
    if form == "raw tracepoint" {
        "none needed; every system call of the host costs a little more than with a BTF tracepoint (from Linux 5.12), or \
         with the socket layer's sock_send_length and sock_recv_length and the root cgroup's recvmsg (from Linux 6.3)"
    } else {
        "none needed; every system call of the host costs a little more than where the socket layer can be watched: \
         sock_send_length, sock_recv_length and recvmsg at the root cgroup (from Linux 6.3)"
    }
}

fn failed(name: &'static str, error: &CaptureError) -> Check {
    let log = match error {
        CaptureError::NotPermitted(reason) | CaptureError::Refused { reason, .. } => reason.log(),
        CaptureError::Layout(_) => None,
    };
    Check::failed(name, error.to_string(), remedy(error)).with_detail(log)
}

fn remedy(error: &CaptureError) -> &'static str {
    match error {
        CaptureError::NotPermitted(_) => "run it as root",
        CaptureError::Layout(_) => "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
        CaptureError::Refused { .. } => {
            "use a kernel from 5.10 on with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_EVENTS=y; `plainsight doctor --json` has \
             all that the kernel said"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{capture::Refusal, cli::CheckOutcome};

    #[test]
    fn a_refused_hook_is_one_line_and_the_verifiers_log_stands_in_the_object() {
        let log =
            format!("refused:\n{}R3 invalid mem access\nprocessed 9 insns\n", "1: (95) exit\n".repeat(9000));
        let hook =
            AttachedHook { name: "sys_exit", form: "BTF tracepoint", note: Some(Refusal::from(log.clone())) };
        let check = attached_check(&hook);
        assert_eq!(check.outcome, CheckOutcome::Warning);
        let line = check.line();
        assert!(line.len() < 600 && !line.contains('\n'), "{line}");
        assert!(line.contains("R3 invalid mem access") && line.contains("Linux 6.3"), "{line}");
        let object = serde_json::to_value(&check).expect("plain data");
        assert_eq!(object["detail"].as_str(), Some(log.as_str()));
    }

    #[test]
    fn a_hook_as_it_should_be_has_no_detail() {
        let check = attached_check(&AttachedHook { name: "recvmsg", form: "root cgroup", note: None });
        let object = serde_json::to_value(&check).expect("plain data");
        assert!(object["detail"].is_null() && object["remedy"].is_null(), "{object}");
    }

    #[test]
    fn the_remedy_names_the_kernel_that_brings_more() {
        assert!(remedy_for_less("raw tracepoint").contains("5.12"));
        assert!(!remedy_for_less("BTF tracepoint").contains("5.12"));
    }
}
