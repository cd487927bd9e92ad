//! The thread that looks processes up, reads what the kernel tells of them, and asks container runtimes.

use std::{io, sync::Arc, thread::Builder};

use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime,
    sync::mpsc::Receiver,
};

use super::{
    cache::{Request, Shared},
    events::Following,
    runtime::Asker,
};

/// Requests answered before the kernel's events are looked at again.
const TURN: usize = 64;

pub(super) fn start(shared: Arc<Shared>, requests: Receiver<Request>, questions: Receiver<Box<str>>) {
    let started = Builder::new().name("identity".into()).spawn(move || -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        runtime.block_on(async {
            if !shared.settings.runtimes.is_empty() {
                tokio::spawn(Asker::new(Arc::clone(&shared)).run(questions));
            }
            run(&shared, requests).await;
        });
        Ok(())
    });
    // Without the thread, notices count as not taken and consumers look processes up themselves.
    drop(started);
}

async fn run(shared: &Shared, mut requests: Receiver<Request>) {
    let mut following: Option<AsyncFd<Following>> = None;
    let mut batch = Vec::with_capacity(TURN);
    loop {
        tokio::select! {
            count = requests.recv_many(&mut batch, TURN) => {
                if count == 0 {
                    return;
                }
                // What the kernel told before a question belongs into its answer.
                if let Some(following) = &mut following {
                    following.get_mut().read(shared);
                }
                for request in batch.drain(..) {
                    answer(shared, request, &mut following);
                }
            }
            () = readable(&mut following, shared) => {}
        }
    }
}

fn answer(shared: &Shared, request: Request, following: &mut Option<AsyncFd<Following>>) {
    match request {
        // The same process is noticed many times before the first of them is answered.
        Request::Notice(pid) => {
            if !shared.is_fresh(pid) {
                shared.look_up(pid, None);
            }
        }
        Request::Ask(pid, done) => {
            if !shared.is_fresh(pid) {
                shared.look_up(pid, None);
            }
            // Whoever asked may have given up waiting.
            let _ = done.try_send(());
        }
        // A ring that cannot be waited for is not read, as if the kernel told nothing.
        Request::Follow(events) => *following = watched(Following::new(events)).ok(),
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for descriptors that others close; the ring owns this one"
)]
fn watched(following: Following) -> io::Result<AsyncFd<Following>> {
    AsyncFd::with_interest(following, Interest::READABLE)
}

/// Waits for events of the kernel and reads them; for ever where there are none.
async fn readable(following: &mut Option<AsyncFd<Following>>, shared: &Shared) {
    let Some(following) = following else { return std::future::pending().await };
    match following.readable_mut().await {
        Ok(mut guard) => {
            if guard.get_inner_mut().read(shared) {
                guard.clear_ready();
            }
        }
        Err(_) => std::future::pending().await,
    }
}
