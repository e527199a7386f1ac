//! Serves the metrics to Prometheus.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HOST};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::faults::{Faults, Part};
use crate::sockets;

/// The maximum number of requests at a time; others wait.
const MAX_AT_A_TIME: usize = 8;

/// The maximum time of a request and its response.
const PATIENCE: Duration = Duration::from_secs(10);

const MISDIRECTED: &str = "Metrics are served under the IP address of this machine, localhost or its \
                           host name only. Use one of these in the URL.\n";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Makes the text of the metrics. This may take a while.
pub type MakeText = dyn Fn() -> Result<String, fmt::Error> + Send + Sync;

/// Serves the metrics until it is cancelled. Tries again while the port cannot be opened.
pub async fn serve_all(address: SocketAddr, faults: Arc<Faults>, make_text: Arc<MakeText>) {
    let listener = open(address, &faults).await;
    let shown = listener.local_addr().unwrap_or(address);
    info!(event = "listening", address = %shown, "listening for metrics on http://{shown}/metrics");
    let permits = Arc::new(Semaphore::new(MAX_AT_A_TIME));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let make_text = make_text.clone();
                tokio::spawn(async move {
                    // A client that is too slow is not answered. It will ask again.
                    let _ = timeout(PATIENCE, serve(stream, &make_text)).await;
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

/// Opens the port as soon as possible.
async fn open(address: SocketAddr, faults: &Faults) -> TcpListener {
    let mut backoff = Backoff::while_running();
    loop {
        match sockets::listen(address).and_then(TcpListener::from_std) {
            Ok(listener) => {
                faults.clear(&Part::Metrics);
                return listener;
            }
            Err(problem) => {
                let problem = format!("cannot serve metrics on {address}: {problem}");
                if faults.set(Part::Metrics, &problem) {
                    let advice = "trying again; `chatctl metrics` shows them meanwhile";
                    error!(event = "no-metrics", %address, "{problem}; {advice}");
                }
            }
        }
        faults.pause(backoff.next()).await;
    }
}

async fn serve(stream: TcpStream, make_text: &Arc<MakeText>) {
    let Ok(local) = stream.local_addr().map(|address| address.ip().to_canonical()) else { return };
    let answer = |request: Request<Incoming>| {
        let make_text = make_text.clone();
        async move {
            if !is_asked_here(&request, local) {
                return Ok(response(StatusCode::MISDIRECTED_REQUEST, MISDIRECTED.to_owned()));
            }
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            // On another thread, because going through all connections takes a while.
            spawn_blocking(move || answer(&method, &path, &*make_text)).await
        }
    };
    let mut server = http1::Builder::new();
    // `MAX_AT_A_TIME` counts requests, so a connection is for one request.
    server.timer(TokioTimer::new()).keep_alive(false);
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

fn answer(method: &Method, path: &str, make_text: &MakeText) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => match make_text() {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "Use GET.\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "The metrics are at /metrics.\n".to_owned()),
    };
    response(status, text)
}

/// Whether a request names the address at which it has arrived. Otherwise a web page could have a
/// browser send requests under a name that resolves to this machine (DNS rebinding), and read the
/// responses.
fn is_asked_here<T>(request: &Request<T>, local: IpAddr) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let target = request.uri().authority();
    host.and_then(|host| host.parse().ok()).is_some_and(|host| is_ours(&host, local))
        && hosts.next().is_none()
        && target.is_none_or(|target| is_ours(target, local))
}

/// Whether this names the local machine: by a loopback address, by the address of the connection, or
/// by a name that others do not control.
fn is_ours(authority: &Authority, local: IpAddr) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches([']', '.']);
    let uname = rustix::system::uname();
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) => address.is_loopback() || address == local,
        Err(_) => {
            let is_name = |name: &str| host.eq_ignore_ascii_case(name);
            is_name("localhost") || uname.nodename().to_str().is_ok_and(is_name)
        }
    }
}

fn response(status: StatusCode, text: String) -> Response<Full<Bytes>> {
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

#[cfg(test)]
mod tests {
    #[test]
    fn only_names_that_lead_nowhere_else_are_ours() {
        let local = "10.0.0.5".parse().unwrap();
        let is_ours = |host: &str| super::is_ours(&host.parse().unwrap(), local);
        for host in ["localhost", "LOCALHOST.:9100", "127.0.0.1:9100", "127.9.9.9", "[::1]:9100"] {
            assert!(is_ours(host), "{host}");
        }
        assert!(is_ours("10.0.0.5:9100") && is_ours("[::ffff:10.0.0.5]:9100"));
        let uname = rustix::system::uname();
        assert!(is_ours(uname.nodename().to_str().unwrap()));
        for host in [
            "evil.example:9100",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.6",
            "0.0.0.0",
            "[::]",
            "user@evil.example",
        ] {
            assert!(!is_ours(host), "{host}");
        }
    }
}
