//! File descriptors that systemd passes to this process: listening sockets, and those that the
//! previous process has left.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use tracing::warn;

use super::socket_carrier::SocketCarrier;
use super::{STATE, SUITCASE};
use crate::restart_state::RestartState;
use crate::sockets::ListenerKind;
use crate::{raw, restart_state, systemd};

/// The names under which systemd keeps listening sockets over a restart.
const KEPT: [(ListenerKind, &str); 2] =
    [(ListenerKind::Plain, "kept-chat"), (ListenerKind::Tls, "kept-tls")];
/// The names of sockets in a socket unit (`FileDescriptorName=`).
const ACTIVATED: [(ListenerKind, &str); 2] =
    [(ListenerKind::Plain, "chat"), (ListenerKind::Tls, "tls")];

/// The descriptors that systemd has passed and that are not taken yet.
pub struct Inherited {
    left: Vec<(String, OwnedFd)>,
    /// Whether the previous process has left its connections.
    had_any: bool,
}

impl Inherited {
    /// Takes all descriptors that systemd has passed.
    pub fn take() -> Inherited {
        let left = raw::passed_descriptors();
        let had_any = left.iter().any(|(name, _)| [STATE, SUITCASE].contains(&name.as_str()));
        Inherited { left, had_any }
    }

    /// Whether the previous process has left its connections.
    pub fn had_any(&self) -> bool {
        self.had_any
    }

    /// The state and the socket carrier, if both were passed.
    pub fn handed_over(&mut self) -> Option<(File, SocketCarrier)> {
        let state = self.take_named(STATE).pop();
        let mut ends = self.take_named(SUITCASE);
        match (state, ends.pop(), ends.pop()) {
            // The ends can come in either order; they differ only in which one has data to read.
            (Some(state), Some(one), Some(other)) => {
                Some((File::from(state), SocketCarrier::of_ends(one, other)))
            }
            _ => None,
        }
    }

    /// The state that the previous process left, however it ended.
    pub fn restart_state(&mut self) -> RestartState {
        RestartState::new(self.take_named(restart_state::NAME).pop().map(File::from))
    }

    /// The kinds of the sockets of a socket unit, if there is one.
    pub fn activated_kinds(&self) -> Vec<ListenerKind> {
        let is_there = |name: &str| self.left.iter().any(|(other, _)| other == name);
        ACTIVATED.iter().filter(|(_, name)| is_there(name)).map(|(kind, _)| *kind).collect()
    }

    /// The listening sockets of a socket unit, if there is one. They replace those in the
    /// configuration.
    pub fn activated(&mut self) -> Option<Vec<(ListenerKind, TcpListener)>> {
        let sockets = self.listeners(ACTIVATED);
        (!sockets.is_empty()).then_some(sockets)
    }

    /// The listening sockets of the previous process, at which clients may be waiting.
    pub fn kept(&mut self) -> Vec<(ListenerKind, SocketAddr, TcpListener)> {
        let kept = self.listeners(KEPT).into_iter();
        kept.filter_map(|(kind, socket)| Some((kind, socket.local_addr().ok()?, socket))).collect()
    }

    fn listeners(&mut self, names: [(ListenerKind, &str); 2]) -> Vec<(ListenerKind, TcpListener)> {
        let of_kind = |(kind, name)| {
            let sockets = self.take_named(name).into_iter();
            sockets.map(move |socket| (kind, TcpListener::from(socket))).collect::<Vec<_>>()
        };
        names.into_iter().flat_map(of_kind).collect()
    }

    fn take_named(&mut self, wanted: &str) -> Vec<OwnedFd> {
        let (taken, left) =
            std::mem::take(&mut self.left).into_iter().partition(|(name, _)| name == wanted);
        self.left = left;
        let taken: Vec<(String, OwnedFd)> = taken;
        taken.into_iter().map(|(_, descriptor)| descriptor).collect()
    }
}

/// Has systemd keep these sockets over a restart, also after a crash. It keeps each socket only once.
pub fn keep(listeners: &[(ListenerKind, TcpListener)]) {
    for (kind, name) in KEPT {
        let of_kind = listeners.iter().filter(|(other, _)| *other == kind);
        let sockets: Vec<_> = of_kind.map(|(_, socket)| socket.as_fd()).collect();
        if !sockets.is_empty()
            && let Err(problem) = systemd::store(name, &sockets)
        {
            warn!(
                event = "not-kept",
                "cannot keep the listening sockets over a restart: {problem:#}"
            );
        }
    }
}

/// Has systemd keep none of the sockets any more.
pub fn keep_none() {
    KEPT.iter().for_each(|(_, name)| systemd::remove(name));
}
