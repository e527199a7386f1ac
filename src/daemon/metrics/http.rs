//! Serving the metrics to Prometheus.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::overview::Overview;
use crate::sockets;

/// So many may ask at a time; others wait.
const MOST_AT_A_TIME: usize = 8;

/// How long asking and taking in the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until it is cancelled. Without it the room goes on, for it is not what people come for.
pub async fn serve_all(address: SocketAddr, overview: Arc<Overview>) {
    let listener = match sockets::listen(address).and_then(TcpListener::from_std) {
        Ok(listener) => listener,
        Err(problem) => {
            return error!(
                event = "no-metrics",
                %address,
                "cannot serve metrics on {address}: {problem}; `chatctl metrics` shows them"
            );
        }
    };
    let shown = listener.local_addr().unwrap_or(address);
    info!(event = "listening", address = %shown, "listening for metrics on http://{shown}/metrics");
    let permits = Arc::new(Semaphore::new(MOST_AT_A_TIME));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let overview = overview.clone();
                tokio::spawn(async move {
                    // Who asks too slowly is not told, nor anybody else: they ask again.
                    let _ = timeout(PATIENCE, serve(stream, &overview)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(event = "accept-failed", %error, "cannot accept a request for metrics: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, overview: &Overview) {
    let answer = |request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), overview))
    };
    let mut server = http1::Builder::new();
    // One place in `MOST_AT_A_TIME` is for one request.
    server.timer(TokioTimer::new()).keep_alive(false);
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

fn answer(method: &Method, path: &str, overview: &Overview) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => match overview.metrics() {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        (_, "/metrics") => {
            (StatusCode::METHOD_NOT_ALLOWED, "It can be read with GET.\n".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, "The metrics are at /metrics.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let kind = if status == StatusCode::OK { OPEN_METRICS } else { "text/plain; charset=utf-8" };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    *response.status_mut() = status;
    response
}
