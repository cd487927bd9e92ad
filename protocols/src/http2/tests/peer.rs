//! The h2 crate as both ends of a connection: what it sends is what is parsed, what it was told to send is what must
//! come out.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;

type Traffic = Arc<Mutex<Vec<(Direction, Vec<u8>)>>>;

/// One end of a connection in memory, which notes what is written.
struct Tap {
    stream: DuplexStream,
    direction: Direction,
    traffic: Traffic,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.traffic.lock().expect("one thread").push((self.direction, bytes[..count].to_vec()));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// One exchange to be made.
#[derive(Debug, Clone)]
struct Plan {
    method: Method,
    path: String,
    agent: String,
    body: usize,
    status: u16,
    answer: usize,
    trailers: bool,
    /// The server resets instead of answering.
    refuse: bool,
}

fn plans(most: usize) -> impl Strategy<Value = Vec<Plan>> {
    let method =
        prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::DELETE]);
    let text = (method, "[a-z]{1,12}", "[a-z]{0,3}", 0..3000_usize);
    let answer = (prop::sample::select(vec![200, 204, 302, 404, 418, 503]), 0..40_000_usize);
    let plan = (text, answer, any::<bool>(), prop::bool::weighted(0.1));
    let plan = plan.prop_map(|((method, path, agent, body), (status, answer), trailers, refuse)| Plan {
        body: if method == Method::POST || method == Method::PUT { body } else { 0 },
        answer: if method == Method::HEAD || status == 204 { 0 } else { answer },
        method,
        path,
        agent,
        status,
        trailers,
        refuse,
    });
    prop::collection::vec(plan, 1..most)
}

/// What the h2 crate sends when it makes these exchanges, all at once, over calls of at most `chunk` bytes.
fn traffic(plans: &[Plan], chunk: usize) -> Vec<(Direction, Vec<u8>)> {
    let traffic = Traffic::default();
    let (client, server) = tokio::io::duplex(chunk);
    let tap = |stream, direction| Tap { stream, direction, traffic: Arc::clone(&traffic) };
    let (client, server) = (tap(client, Direction::ToServer), tap(server, Direction::ToClient));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let served: Arc<[Plan]> = plans.into();
    runtime.block_on(async {
        let serving = tokio::spawn(serve(server, served));
        let (mut sender, connection) = h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(1 << 22)
            .enable_push(false)
            .handshake::<_, Bytes>(client)
            .await
            .expect("a handshake");
        let connection = tokio::spawn(connection);
        let mut answers = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            sender = sender.ready().await.expect("ready");
            let request = Request::builder()
                .method(plan.method.clone())
                .uri(format!("http://shop.example:8081/{}?n={number}", plan.path))
                .header("user-agent", &plan.agent)
                .header("x-number", number)
                .body(())
                .expect("valid");
            let (answer, mut body) = sender.send_request(request, plan.body == 0).expect("sent");
            if plan.body > 0 {
                body.send_data(vec![b'q'; plan.body].into(), true).expect("sent");
            }
            answers.push(tokio::spawn(async move {
                let Ok(response) = answer.await else { return };
                let mut body = response.into_body();
                while let Some(Ok(data)) = body.data().await {
                    let _ = body.flow_control().release_capacity(data.len());
                }
                let _ = body.trailers().await;
            }));
        }
        for answer in answers {
            answer.await.expect("no panic");
        }
        drop(sender);
        connection.await.expect("no panic").expect("in order");
        serving.await.expect("no panic");
    });
    std::mem::take(&mut *traffic.lock().expect("one thread"))
}

async fn serve(stream: Tap, plans: Arc<[Plan]>) {
    let mut builder = h2::server::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 22);
    let mut connection = builder.handshake::<_, Bytes>(stream).await.expect("a handshake");
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let number =
            request.headers()["x-number"].to_str().ok().and_then(|number| number.parse::<usize>().ok());
        let plan = plans[number.expect("a number")].clone();
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
            }
            if plan.refuse {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
                return;
            }
            let response = Response::builder()
                .status(StatusCode::from_u16(plan.status).expect("valid"))
                .header("x-number", number.unwrap_or_default())
                .header("server", "h2")
                .body(())
                .expect("valid");
            let bare = plan.answer == 0 && !plan.trailers;
            let mut sender = respond.send_response(response, bare).expect("sent");
            if plan.answer > 0 {
                sender.send_data(vec![b'a'; plan.answer].into(), !plan.trailers).expect("sent");
            }
            if plan.trailers {
                let trailers = HeaderMap::from_iter([(http::header::ETAG, "t".parse().expect("valid"))]);
                sender.send_trailers(trailers).expect("sent");
            }
        });
    }
}

fn number(seen: &Seen) -> Option<usize> {
    seen.attribute("url.query").and_then(|query| query.strip_prefix("n=")?.parse().ok())
}

/// That what is said of an exchange is what was planned, as far as it is said.
fn check(seen: &Seen, plan: &Plan) -> Result<(), TestCaseError> {
    let is = |name: &str, truth: &str| seen.attribute(name).is_none_or(|value| value == truth);
    prop_assert!(is("http.request.method", plan.method.as_str()), "{seen:?} {plan:?}");
    prop_assert!(is("url.path", &format!("/{}", plan.path)), "{seen:?} {plan:?}");
    prop_assert!(plan.agent.is_empty() || is("user_agent.original", &plan.agent), "{seen:?} {plan:?}");
    prop_assert!(is("http.response.status_code", &plan.status.to_string()), "{seen:?} {plan:?}");
    prop_assert!(is("server.address", "shop.example") && is("server.port", "8081"), "{seen:?}");
    if seen.outcome == Outcome::Complete {
        prop_assert!(is("http.request.body.size", &plan.body.to_string()), "{seen:?} {plan:?}");
        prop_assert!(is("http.response.body.size", &plan.answer.to_string()), "{seen:?} {plan:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_through_h2_give_exactly_the_exchanges_made(
        plans in plans(30), chunk in 64..20_000_usize, split in 1..5_000_usize,
    ) {
        let mut wire = Wire::new();
        for (direction, bytes) in traffic(&plans, chunk) {
            for part in bytes.chunks(split) {
                wire.bytes(direction, part);
            }
        }
        let recorder = wire.close(CloseReason::Closed);
        prop_assert_eq!((recorder.seen.len(), recorder.unobserved), (plans.len(), 0));
        let mut numbers: Vec<_> = recorder.seen.iter().map(|seen| number(seen).expect("known")).collect();
        for seen in &recorder.seen {
            let plan = &plans[number(seen).expect("known")];
            check(seen, plan)?;
            prop_assert_eq!(seen.path().map(str::to_owned), Some(format!("/{}", plan.path)));
            if plan.refuse {
                prop_assert_eq!(seen.outcome, Outcome::NoResponse(CloseReason::Reset));
                prop_assert_eq!(seen.error(), Some("REFUSED_STREAM"));
            } else {
                prop_assert_eq!(seen.outcome, Outcome::Complete);
                prop_assert_eq!(seen.status().map(str::to_owned), Some(plan.status.to_string()));
            }
        }
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..plans.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_beginning_of_each_call_never_misleads(
        plans in plans(20), chunk in 2_000..40_000_usize, copied in 20..8_000_usize,
    ) {
        let mut wire = Wire::new();
        for (direction, bytes) in traffic(&plans, chunk) {
            let seen = bytes.len().min(copied);
            wire.bytes(direction, &bytes[..seen]);
            wire.not_copied(direction, (bytes.len() - seen) as u64);
        }
        let recorder = wire.close(CloseReason::Closed);
        prop_assert!(recorder.seen.len() as u64 + recorder.unobserved <= plans.len() as u64, "{:#?}", recorder);
        for seen in &recorder.seen {
            prop_assert!(seen.missing_bytes == 0);
            if let Some(number) = number(seen) {
                check(seen, &plans[number])?;
            }
        }
    }

    #[test]
    fn a_connection_of_h2_joined_anywhere_is_never_misread(
        plans in plans(20), chunk in 64..20_000_usize, from in any::<prop::sample::Index>(),
    ) {
        let traffic = traffic(&plans, chunk);
        let from = from.index(traffic.len());
        let mut wire = Wire::joined();
        for (direction, bytes) in &traffic[from..] {
            wire.bytes(*direction, bytes);
        }
        let recorder = wire.close(CloseReason::Closed);
        prop_assert!(recorder.seen.len() <= plans.len());
        for seen in &recorder.seen {
            if let Some(number) = number(seen) {
                check(seen, &plans[number])?;
            }
        }
    }
}
