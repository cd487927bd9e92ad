//! A receiver of OTLP over gRPC, made of bare HTTP/2 so that it can misbehave.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use h2::{Reason, server::SendResponse};
use tokio::{net::TcpListener, runtime};

use crate::export::otlp::{Destination, Target};

#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HashMap<String, String>,
    /// gRPC's flag of a message that is packed.
    pub(super) is_packed: bool,
    pub(super) message: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A message and the status OK.
    Message(Vec<u8>),
    /// A status with its message and base64 of its details.
    Status(i32, &'static str, Option<String>),
    /// An HTTP status, as a proxy answers.
    Http(u16),
    /// The stream ends without a status.
    NoTrailers,
    Reset(Reason),
    /// The connection ends.
    Disconnect,
    Silence,
}

type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

#[derive(Clone)]
pub(super) struct GrpcReceiver {
    pub(super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    script: Arc<Script>,
}

impl GrpcReceiver {
    pub(super) fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket that can wait");
        let port = listener.local_addr().expect("a bound socket").port();
        let receiver = Self { port, received: Arc::default(), script: Arc::new(script) };
        let serving = receiver.clone();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((socket, _)) = listener.accept().await {
                    tokio::spawn(serving.clone().serve(socket));
                }
            });
        });
        receiver
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    pub(super) fn destination(&self) -> Destination {
        super::quick(Target::Grpc { endpoint: format!("127.0.0.1:{}", self.port), insecure: true })
    }

    async fn serve(self, socket: tokio::net::TcpStream) {
        let mut builder = h2::server::Builder::new();
        builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 20);
        let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
        let (end, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        loop {
            tokio::select! {
                accepted = connection.accept() => {
                    let Some(Ok((request, respond))) = accepted else { return };
                    tokio::spawn(self.clone().answer(request, respond, end.clone()));
                }
                // Dropping the connection closes the socket.
                _ = ended.recv() => return,
            }
        }
    }

    async fn answer(
        self,
        request: Request<h2::RecvStream>,
        mut respond: SendResponse<Bytes>,
        end: tokio::sync::mpsc::Sender<()>,
    ) {
        let (head, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(chunk)) = body.data().await {
            let _ = body.flow_control().release_capacity(chunk.len());
            bytes.extend_from_slice(&chunk);
        }
        let text = |value: &::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let received = Received {
            path: head.uri.path().to_owned(),
            headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            is_packed: bytes.first() == Some(&1),
            message: bytes.get(5..).unwrap_or_default().to_vec(),
        };
        let number = {
            let mut all = self.received.lock().expect("no panic");
            all.push(received.clone());
            all.len() - 1
        };
        let head = |status: u16| {
            Response::builder()
                .status(status)
                .header("content-type", "application/grpc")
                .body(())
                .expect("a head")
        };
        let trailers = |code: i32, message: &str, details: Option<String>| {
            let mut map = HeaderMap::new();
            map.insert("grpc-status", code.into());
            map.insert("grpc-message", message.parse().expect("a header's value"));
            if let Some(details) = details {
                map.insert("grpc-status-details-bin", details.parse().expect("base64"));
            }
            map
        };
        match (self.script)(&received, number) {
            Reply::Message(message) => {
                let Ok(mut stream) = respond.send_response(head(200), false) else { return };
                let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
                let _ = stream.send_data(Bytes::from([&[0][..], &length, &message].concat()), false);
                let _ = stream.send_trailers(trailers(0, "", None));
            }
            Reply::Status(code, message, details) => {
                let mut response = head(200);
                response.headers_mut().extend(trailers(code, message, details));
                let _ = respond.send_response(response, true);
            }
            Reply::Http(status) => {
                let response = Response::builder().status(status).header("content-type", "text/html");
                let _ = respond.send_response(response.body(()).expect("a head"), true);
            }
            Reply::NoTrailers => {
                let _ = respond.send_response(head(200), true);
            }
            Reply::Reset(reason) => respond.send_reset(reason),
            Reply::Disconnect => drop(end.send(()).await),
            Reply::Silence => tokio::time::sleep(Duration::from_secs(60)).await,
        }
    }
}
