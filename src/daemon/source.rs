//! The source of a connection: the other end of its socket, or the client that a trusted proxy
//! names.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use chatroom::config::Limits;
use chatroom::handover::Proxied;

/// The source of a connection.
pub struct Source {
    socket: SocketAddr,
    /// Set if the connection comes from a trusted proxy.
    proxy: Option<Box<Behind>>,
}

/// Information about a connection that begins with a header of the PROXY protocol.
#[derive(Default)]
struct Behind {
    /// The client that the header names, once the header has come. A header need not name one.
    client: OnceLock<Option<SocketAddr>>,
    /// Whether the connection is counted by the address of its client.
    is_counted: AtomicBool,
}

impl Source {
    /// The other end of the socket is the client.
    pub fn direct(socket: SocketAddr) -> Source {
        Source { socket, proxy: None }
    }

    /// The other end of the socket is a proxy, whose header is still to come.
    pub fn proxy(socket: SocketAddr) -> Source {
        Source { socket, proxy: Some(Box::default()) }
    }

    /// The source of a connection that another process has served.
    pub fn restore(socket: SocketAddr, proxied: Option<Proxied>) -> Source {
        let client = match proxied {
            None => return Source::direct(socket),
            Some(Proxied::Awaited) => return Source::proxy(socket),
            Some(Proxied::Unnamed) => None,
            Some(Proxied::Client(client)) => Some(client),
        };
        let behind = Behind { client: client.into(), is_counted: true.into() };
        Source { socket, proxy: Some(Box::new(behind)) }
    }

    /// The information that the next process needs in addition to the socket.
    pub fn save(&self) -> Option<Proxied> {
        Some(match self.proxy.as_ref()?.client.get() {
            None => Proxied::Awaited,
            Some(None) => Proxied::Unnamed,
            Some(Some(client)) => Proxied::Client(*client),
        })
    }

    /// Notes the client that the header names. Only the first call counts.
    pub fn name(&self, client: Option<SocketAddr>) {
        if let Some(behind) = &self.proxy {
            let _ = behind.client.set(client);
        }
    }

    /// Whether the header of a proxy is still to come. Until then nothing is known of the client.
    pub fn awaits_header(&self) -> bool {
        self.save() == Some(Proxied::Awaited)
    }

    /// The address of the client if it is known, otherwise that of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.client().unwrap_or(self.socket)
    }

    /// [`Source::address`] without the port.
    pub fn ip(&self) -> IpAddr {
        self.address().ip()
    }

    /// Whether a proxy speaks for itself, or for a client that it does not name.
    pub fn is_unnamed(&self) -> bool {
        self.save() == Some(Proxied::Unnamed)
    }

    /// Whether the client is on this machine, and so is everything between.
    pub fn is_this_machine(&self) -> bool {
        let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        let is_client_here = self.proxy.is_none() || self.client().is_some_and(is_loopback);
        is_loopback(self.socket) && is_client_here
    }

    /// Whether the limits for each address do not apply. All clients on this machine share one address,
    /// and so do all clients that a proxy does not name.
    pub fn is_exempt(&self, limits: &Limits) -> bool {
        self.is_unnamed() || !limits.loopback && self.is_this_machine()
    }

    /// Whether the connection is counted by address.
    pub fn is_counted(&self) -> bool {
        self.proxy.as_ref().is_none_or(|behind| behind.is_counted.load(Relaxed))
    }

    /// Notes that the connection is counted by address.
    pub fn set_counted(&self) {
        if let Some(behind) = &self.proxy {
            behind.is_counted.store(true, Relaxed);
        }
    }

    fn client(&self) -> Option<SocketAddr> {
        *self.proxy.as_ref()?.client.get()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_client_is_the_one_that_the_proxy_names() {
        let source = Source::proxy(address("127.0.0.1:5"));
        assert!(source.awaits_header() && !source.is_counted() && !source.is_this_machine());
        source.name(Some(address("192.0.2.7:9")));
        source.name(Some(address("127.0.0.1:1")));
        assert_eq!(source.address(), address("192.0.2.7:9"));
        let limits = Limits::default();
        assert!(!source.awaits_header() && !source.is_unnamed() && !source.is_exempt(&limits));
        assert!(Source::direct(address("[::ffff:127.0.0.1]:5")).is_exempt(&limits));
    }

    #[test]
    fn a_proxy_elsewhere_brings_no_client_from_this_machine() {
        let is_here = |socket: &str, client: Option<&str>| {
            let source = Source::proxy(address(socket));
            source.name(client.map(address));
            source.is_this_machine()
        };
        assert!(is_here("127.0.0.1:5", Some("127.0.0.1:9")));
        assert!(is_here("127.0.0.1:5", Some("[::1]:9")));
        assert!(!is_here("10.0.0.2:5", Some("127.0.0.1:9")));
        assert!(!is_here("127.0.0.1:5", Some("192.0.2.7:9")));
        assert!(!is_here("127.0.0.1:5", None), "the client is unknown");
    }

    #[test]
    fn a_proxy_is_not_limited_like_one_client() {
        let source = Source::proxy(address("10.0.0.2:5"));
        source.name(None);
        assert_eq!(source.address(), address("10.0.0.2:5"));
        assert!(source.is_exempt(&Limits { loopback: true, ..Limits::default() }));
    }

    #[test]
    fn a_source_is_restored_as_it_was_saved() {
        let socket = address("10.0.0.2:5");
        for proxied in
            [None, Some(Proxied::Awaited), Some(Proxied::Unnamed), Some(Proxied::Client(socket))]
        {
            assert_eq!(Source::restore(socket, proxied).save(), proxied);
        }
        assert!(Source::restore(socket, Some(Proxied::Unnamed)).is_counted());
        assert!(!Source::restore(socket, Some(Proxied::Awaited)).is_counted());
    }
}
