//! The daemon's own small server.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

use super::Pages;

/// Connections at once: some scrapers, some probes, a person. More are closed at once, and counted.
const CONNECTIONS: usize = 64;

/// How long a connection may neither bring nor take anything. Longer than scrapers usually pause is of no use: they
/// connect anew.
const IDLE: Duration = Duration::from_secs(90);

/// Why there is no server.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address} ({key}): {reason}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The key of the configuration that names it.
        key: &'static str,
        /// Why, with the remedy.
        reason: String,
    },
    /// It ended.
    #[error("the server on {address} ended: {error}")]
    Ended {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// A server that listens, and answers once it is [run](Self::run).
pub struct Server {
    listener: Bounded,
    address: SocketAddr,
}

impl Server {
    /// Listens. The key is the one of the configuration that names the address.
    ///
    /// # Errors
    /// If the address cannot be had; the message names both and the remedy.
    pub async fn listen(address: SocketAddr, key: &'static str) -> Result<Self, ServerError> {
        let refused = |error: io::Error| ServerError::Address { address, key, reason: remedy(&error) };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let refused = Arc::new(AtomicU64::new(0));
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { listener: Bounded { listener, connections, refused, idle: IDLE }, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counts connections that were closed at once for being too many.
    #[must_use]
    pub fn refused(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.listener.refused)
    }

    /// Answers until `end` comes, and then finishes the answers that were begun.
    ///
    /// # Errors
    /// If it ends otherwise.
    pub async fn run(
        self,
        pages: Pages,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let address = self.address;
        let served = axum::serve(self.listener, pages.router()).with_graceful_shutdown(end).await;
        served.map_err(|error| ServerError::Ended { address, error })
    }
}

fn remedy(error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; stop it, or choose another port",
        io::ErrorKind::AddrNotAvailable => {
            "this host has no such address; choose one of `ip address`, or 0.0.0.0 for all of them"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE; choose one above",
        _ => return format!("{error}; choose another address, or `off`"),
    };
    what.to_owned()
}

/// A listener that holds a limited number of connections, none of which may idle for ever.
struct Bounded {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    refused: Arc<AtomicU64>,
    idle: Duration,
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // Waits and tries again where the process has no descriptors left.
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match Arc::clone(&self.connections).try_acquire_owned() {
                Ok(permit) => {
                    let idle = Box::pin(sleep(self.idle));
                    return (Connection { stream, idle, allowed: self.idle, _permit: permit }, address);
                }
                Err(_) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing has gone through it for a while.
struct Connection {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    allowed: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what the stream says, and ends the connection if it says nothing for too long.
    fn watched<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let later = Instant::now() + self.allowed;
            self.idle.as_mut().reset(later);
            return polled;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watched(context, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
