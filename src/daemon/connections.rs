//! The register of connections.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatroom::access::{AccessState, SanctionKind, Term};
use chatroom::config::Limits;
use chatroom::handover::SavedInput;
use chatroom::room::{EndReason, Seq, SessionId};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client_connection::ClientConnection;
use crate::connection_limits::ConnectionLimits;
use crate::metrics::{CounterMap, Lag, Totals};
use crate::source::Source;
use crate::transport::Transport;

/// All connections, joined or not.
#[derive(Default)]
pub struct Connections {
    /// The number of this run of the daemon. It makes session ids differ from those of other runs,
    /// which are stored.
    run: u64,
    accepted: AtomicU64,
    open: Mutex<BTreeMap<SessionId, Arc<ClientConnection>>>,
    /// Whether all connections were closed. New connections are turned away then.
    is_closing: AtomicBool,
    ended: CounterMap,
    /// The traffic of closed connections in this process. The traffic that open connections had in a
    /// previous process is subtracted.
    closed: Mutex<Totals>,
    count: watch::Sender<usize>,
    /// The connections that are to be handed over. Their tasks have ended.
    kept: Mutex<Vec<(Arc<ClientConnection>, SavedInput)>>,
    /// The limits for each address.
    pub connection_limits: ConnectionLimits,
}

/// The term of the ban that is in force against an address.
pub fn banned(access_state: &AccessState, address: IpAddr, now: Timestamp) -> Option<Term> {
    let ban = access_state.sanctions.against(SanctionKind::Ban, None, Some(address), now)?;
    Some(ban.term.clone())
}

impl Connections {
    /// An empty register, for the `run`th run of the daemon on its store.
    pub fn new(run: u64) -> Connections {
        Connections { run, ..Connections::default() }
    }

    /// Registers a connection that was accepted, unless there are too many or its address is `banned`. A
    /// connection from a proxy is counted by address when its client is known ([`Self::count_client`]).
    ///
    /// # Errors
    /// Why the connection is turned away.
    pub fn admit(
        &self,
        transport: &Transport,
        source: Source,
        limits: &Limits,
        banned: Option<Term>,
    ) -> Result<Arc<ClientConnection>, EndReason> {
        let number = self.accepted.fetch_add(1, Relaxed) + 1;
        if let Some(term) = banned {
            return Err(EndReason::Banned(term.into()));
        }
        let session = SessionId((self.run << 32) | number);
        let mut open = self.open();
        if self.is_closing.load(Relaxed) {
            return Err(EndReason::ShuttingDown);
        }
        if limits.connections != 0 && open.len() >= limits.connections {
            return Err(EndReason::Full);
        }
        if !source.awaits_header() {
            self.connection_limits.open(&source, limits)?;
        }
        let socket = Some(transport.tcp.clone());
        let client = Arc::new(ClientConnection::new(session, source, socket, transport.is_plain()));
        open.insert(session, client.clone());
        self.count.send_replace(open.len());
        Ok(client)
    }

    /// Counts a registered connection by the address of the client that its proxy has named, unless there
    /// are too many from that address or it is `banned`.
    ///
    /// # Errors
    /// Why the connection is turned away.
    pub fn count_client(
        &self,
        source: &Source,
        limits: &Limits,
        banned: Option<Term>,
    ) -> Result<(), EndReason> {
        if let Some(term) = banned {
            return Err(EndReason::Banned(term.into()));
        }
        self.connection_limits.open(source, limits)?;
        source.set_counted();
        Ok(())
    }

    /// Removes a connection from the register.
    pub fn remove(&self, session: SessionId) {
        let mut open = self.open();
        if let Some(client) = open.remove(&session) {
            if client.source.is_counted() {
                self.connection_limits.close(&client.source);
            }
            self.closed().add(client.totals());
        }
        self.count.send_replace(open.len());
    }

    /// Adds a connection to those that are to be handed over.
    pub fn keep(&self, kept: (Arc<ClientConnection>, SavedInput)) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }

    /// Takes the connections that are to be handed over.
    pub fn take_kept(&self) -> Vec<(Arc<ClientConnection>, SavedInput)> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Registers a connection that another process has served, whatever the limits are.
    pub fn resume(&self, client: &Arc<ClientConnection>) {
        let mut open = self.open();
        if client.source.is_counted() {
            self.connection_limits.resume(&client.source);
        }
        self.closed().subtract(client.totals());
        open.insert(client.own_session, client.clone());
        self.count.send_replace(open.len());
    }

    /// Continues to count where the previous process has stopped.
    pub fn continue_count(&self, accepted: u64) {
        self.accepted.fetch_max(accepted, Relaxed);
    }

    /// Counts the end of a connection.
    pub fn count_end(&self, reason: &EndReason) {
        self.ended.count(reason.code());
    }

    /// Closes the connections from banned addresses. A ban of a proxy's own address does not apply to
    /// clients that it has yet to name.
    pub fn close_banned(&self, access_state: &AccessState, after: Seq, now: Timestamp) {
        for client in self.all() {
            if !client.source.awaits_header()
                && let Some(term) = banned(access_state, client.source.ip(), now)
            {
                client.close(after, EndReason::Banned(term.into()));
            }
        }
    }

    /// Closes every connection after the record `after`, and turns new ones away.
    pub fn close_all(&self, after: Seq, reason: &EndReason) {
        let open = self.open();
        self.is_closing.store(true, Relaxed);
        open.values().for_each(|client| client.close(after, reason.clone()));
    }

    /// All connections, in the order of their sessions.
    pub fn all(&self) -> Vec<Arc<ClientConnection>> {
        self.open().values().cloned().collect()
    }

    /// The number of connections, and a way to wait until it changes.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Waits until no connection is left, at most for the time `within`. Returns how many are left.
    pub async fn until_none(&self, within: Duration) -> usize {
        let mut count = self.count();
        let is_none = timeout(within, count.wait_for(|&count| count == 0)).await.is_ok();
        if is_none { 0 } else { *count.borrow() }
    }

    /// The number of connections that were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// The number of connections that ended so far, by reason.
    pub fn ended(&self) -> BTreeMap<String, u64> {
        self.ended.all()
    }

    /// The traffic of all connections in this process, and how far they are behind `next`, the number of
    /// the next record.
    pub fn measure(&self, next: Seq) -> (Totals, Lag) {
        let open = self.open();
        let (mut totals, mut lag) = (*self.closed(), Lag::default());
        for client in open.values() {
            totals.add(client.totals());
            let behind = client.behind(next);
            lag.connections += u64::from(behind > 0);
            lag.records = lag.records.max(behind);
        }
        (totals, lag)
    }

    fn closed(&self) -> MutexGuard<'_, Totals> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<ClientConnection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
