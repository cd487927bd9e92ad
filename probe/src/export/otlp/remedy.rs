//! What went wrong with a connection, and what to do about it.

use std::error::Error;

use crate::causes::with_causes;

/// Nothing came back.
pub(super) fn unreachable_sentence<E: Error + 'static>(
    target: &str,
    error: &E,
    is_timeout: impl Fn(&E) -> bool,
) -> String {
    let said = with_causes(error);
    if is_timeout(error) {
        return no_answer_sentence(target);
    }
    let lower = said.to_lowercase();
    let remedy = if lower.contains("unknownissuer") {
        "Set the certificate of the authority that signed the receiver's"
    } else if lower.contains("notvalidforname") {
        "Use the name that the receiver's certificate is for"
    } else if lower.contains("certificaterequired") {
        "The receiver wants a client certificate: set one, with its key"
    } else if lower.contains("certificate") {
        "Check the receiver's certificate and this host's clock"
    } else if lower.contains("invalidcontenttype") || lower.contains("corrupt message") {
        "The receiver does not speak TLS there: try http instead of https"
    } else if lower.contains("refused") {
        "Start the receiver, or correct the endpoint"
    } else if lower.contains("dns") || lower.contains("lookup") || lower.contains("resolve") {
        "Check the host's name in the endpoint, and this host's DNS"
    } else {
        "Batches wait until it works"
    };
    format!("cannot reach {target}: {said}. {remedy}")
}

/// Nothing came back in time.
pub(super) fn no_answer_sentence(target: &str) -> String {
    format!(
        "{target} did not answer in time. Batches wait; a longer timeout helps if the receiver is only slow"
    )
}
