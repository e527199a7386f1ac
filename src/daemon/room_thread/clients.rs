//! The connections of the members.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::access::Target;
use chatroom::room::SessionId;
use chatroom::wire::Batch;

use crate::client_connection::ClientConnection;
use crate::window::Window;

/// Information about a connection, which is kept after the connection is lost.
pub struct Seen {
    pub address: SocketAddr,
    pub dialect: &'static str,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Seen {
    pub fn of(client: &ClientConnection) -> Seen {
        Seen {
            address: client.source.address(),
            dialect: client.dialect().as_str(),
            bytes_in: client.traffic.bytes_in.load(Relaxed),
            bytes_out: client.traffic.bytes_out.load(Relaxed),
        }
    }
}

/// The connection of each member, or the lost one of a member who is detached.
#[derive(Default)]
pub struct Clients {
    /// In the order in which they joined, which is about the order of their sockets in memory.
    connected: BTreeMap<SessionId, Arc<ClientConnection>>,
    detached: HashMap<SessionId, Seen>,
}

impl Clients {
    pub fn get(&self, session: SessionId) -> Option<&Arc<ClientConnection>> {
        self.connected.get(&session)
    }

    /// Whether this is the connection of its session, and not one that was replaced.
    pub fn is_current(&self, client: &Arc<ClientConnection>) -> bool {
        self.get(client.session()).is_some_and(|current| Arc::ptr_eq(current, client))
    }

    /// The address of a member who is connected.
    pub fn address(&self, session: SessionId) -> Option<IpAddr> {
        self.get(session).map(|client| client.source.ip())
    }

    /// Information about the lost connection of a detached member.
    pub fn lost(&self, session: SessionId) -> Option<&Seen> {
        self.detached.get(&session)
    }

    pub fn connect(&mut self, session: SessionId, client: Arc<ClientConnection>) {
        self.connected.insert(session, client);
    }

    /// The connection of a member is lost, and their place is held.
    pub fn detach(&mut self, session: SessionId) {
        if let Some(client) = self.connected.remove(&session) {
            self.detached.insert(session, Seen::of(&client));
        }
    }

    /// Forgets a session. Returns its connection if it had one.
    pub fn remove(&mut self, session: SessionId) -> Option<Arc<ClientConnection>> {
        self.detached.remove(&session);
        self.connected.remove(&session)
    }

    /// The sessions that are in a network. A detached one is where its connection was.
    pub fn in_network(&self, network: &Target) -> Vec<SessionId> {
        let matches = |address: IpAddr| network.matches(None, Some(address));
        let connected = self.connected.iter().filter(|(_, it)| matches(it.source.ip()));
        let detached = self.detached.iter().filter(|(_, it)| matches(it.address.ip()));
        connected.map(|(&session, _)| session).chain(detached.map(|(&it, _)| it)).collect()
    }

    /// Offers a batch that was published to every connection.
    pub fn deliver(&self, window: &Window, batch: &Arc<Batch>) {
        self.connected.values().for_each(|client| client.deliver(window, batch));
    }
}
