//! What systemd has passed on: listening sockets, and what the process before has left.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use tracing::warn;

use super::socket_carrier::SocketCarrier;
use super::{STATE, SUITCASE};
use crate::restart_state::RestartState;
use crate::sockets::ListenerKind;
use crate::{raw, restart_state, systemd};

/// The name under which a listening socket is kept over a restart.
const KEPT: [(ListenerKind, &str); 2] =
    [(ListenerKind::Plain, "kept-chat"), (ListenerKind::Tls, "kept-tls")];
/// The name that it has in a unit for sockets (`FileDescriptorName=`).
const ACTIVATED: [(ListenerKind, &str); 2] =
    [(ListenerKind::Plain, "chat"), (ListenerKind::Tls, "tls")];

/// Everything that was passed on, and is not taken yet.
pub struct Inherited {
    left: Vec<(String, OwnedFd)>,
    /// Whether a process before has left something for this one.
    had_any: bool,
}

impl Inherited {
    /// Takes everything that systemd has passed on.
    pub fn take() -> Inherited {
        let left = raw::passed_descriptors();
        let had_any = left.iter().any(|(name, _)| [STATE, SUITCASE].contains(&name.as_str()));
        Inherited { left, had_any }
    }

    /// Whether a process before has left its connections for this one.
    pub fn had_any(&self) -> bool {
        self.had_any
    }

    /// The state and the socket carrier, if both are there.
    pub fn handed_over(&mut self) -> Option<(File, SocketCarrier)> {
        let state = self.take_named(STATE).pop();
        let mut ends = self.take_named(SUITCASE);
        match (state, ends.pop(), ends.pop()) {
            // They come in the order in which they were given, or the other way round: both ends
            // are alike but for what waits in one of them.
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

    /// What is spoken on the sockets of a unit for sockets, if there are such.
    pub fn activated_kinds(&self) -> Vec<ListenerKind> {
        let is_there = |name: &str| self.left.iter().any(|(other, _)| other == name);
        ACTIVATED.iter().filter(|(_, name)| is_there(name)).map(|(kind, _)| *kind).collect()
    }

    /// The listening sockets of a unit for sockets. They win over the configuration.
    pub fn activated(&mut self) -> Option<Vec<(ListenerKind, TcpListener)>> {
        let sockets = self.listeners(ACTIVATED);
        (!sockets.is_empty()).then_some(sockets)
    }

    /// The listening sockets of the process before; who waits at them is not turned away.
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

/// Has the manager keep these over a restart, also one after a crash. Those that it has already, it
/// keeps once.
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

/// Has it keep none of them any more.
pub fn keep_none() {
    KEPT.iter().for_each(|(_, name)| systemd::remove(name));
}
