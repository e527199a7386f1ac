//! Tells the log, and operators who watch, of users and connections that come and go.

use std::net::SocketAddr;

use chatroom::admin::Watched;
use chatroom::clean::word;
use chatroom::names::Name;
use chatroom::room::EndReason;
use chatroom::wire::json::format_time;
use jiff::Timestamp;
use tracing::{debug, info, warn};

use crate::client_connection::ClientConnection;
use crate::watchers::Watchers;

/// A user has joined, or resumed a session.
pub fn joined(name: &Name, resumed: bool, client: &ClientConnection, watchers: &Watchers) {
    let (name, shown) = (name.as_str(), word(name.as_str()));
    let (address, dialect) = (client.source.address().to_string(), client.dialect().as_str());
    watchers.tell(|| Watched::Entered {
        time: format_time(Timestamp::now()),
        address: address.clone(),
        name: name.to_owned(),
        dialect: dialect.to_owned(),
        resumed,
    });
    if resumed {
        info!(event = "resumed", name, address, dialect, "{shown} came back from {address}");
    } else {
        info!(event = "joined", name, address, dialect, "{shown} joined from {address}");
    }
}

/// A connection has ended. If it `stays_detached`, its user can resume the session.
pub fn ended(
    client: &ClientConnection,
    reason: &EndReason,
    stays_detached: bool,
    watchers: &Watchers,
) {
    let address = client.source.address().to_string();
    if let EndReason::NoProxyHeader(problem) = reason {
        warn!(
            event = "no-proxy-header",
            address,
            problem,
            "refused a connection of the proxy {address}: {problem}; [listen] proxy_protocol names it, \
             so it has to send a header of the PROXY protocol"
        );
    }
    let name = client.name();
    let name = name.as_ref().map(Name::as_str);
    let said = sentence(name, &address, reason, stays_detached);
    let is_logged = matches!(reason, EndReason::NoProxyHeader(_));
    // A proxy may check every other second whether the port is open, and some reset such connections.
    let is_check = name.is_none()
        && matches!(reason, EndReason::Closed | EndReason::Broken(_))
        && (client.source.is_unnamed() || client.source.awaits_header());
    let reason = reason.code();
    watchers.tell(|| Watched::Disconnected {
        time: format_time(Timestamp::now()),
        address: address.clone(),
        name: name.map(str::to_owned),
        reason: reason.to_owned(),
        held: stays_detached,
    });
    if is_check || is_logged {
        debug!(event = "disconnected", name, address, reason, "{said}");
    } else {
        info!(event = "disconnected", name, address, reason, "{said}");
    }
}

/// A connection was accepted, or turned away.
pub fn came(peer: SocketAddr, turned_away: Option<&EndReason>, watchers: &Watchers) {
    watchers.tell(|| {
        let (time, address) = (format_time(Timestamp::now()), peer.to_string());
        match turned_away {
            None => Watched::Connected { time, address },
            Some(reason) => Watched::TurnedAway { time, address, reason: reason.code().to_owned() },
        }
    });
}

/// Whether a connection that ended so was lost, and not closed on purpose. Only then is the place of a
/// client that can resume kept.
pub fn is_lost(reason: &EndReason) -> bool {
    use EndReason::{Banned, Failed, Quit, Removed, Replaced, ShuttingDown, TakenOver};
    !matches!(
        reason,
        Quit | Removed { .. } | Banned(_) | TakenOver | Replaced | Failed | ShuttingDown
    )
}

fn sentence(name: Option<&str>, address: &str, reason: &EndReason, stays_detached: bool) -> String {
    let why = match reason {
        EndReason::Broken(problem) => format!("broken: {problem}"),
        reason => reason.code().to_owned(),
    };
    let Some(name) = name.map(word) else {
        return format!("connection from {address} ended before joining ({why})");
    };
    match reason {
        EndReason::TakenOver | EndReason::Replaced => {
            format!("{name} moved on from the connection of {address}")
        }
        _ if stays_detached => format!("{name} lost the connection from {address} ({why})"),
        _ => format!("{name} left ({why}) from {address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_says_who_from_where_and_why() {
        let check = |name, reason: &EndReason, stays_detached, expect: &str| {
            assert_eq!(sentence(name, "10.0.0.7:5", reason, stays_detached), expect);
        };
        check(Some("ann"), &EndReason::Quit, false, "ann left (quit) from 10.0.0.7:5");
        let broken = EndReason::Broken("Connection reset by peer".to_owned());
        let expect = "ann lost the connection from 10.0.0.7:5 (broken: Connection reset by peer)";
        check(Some("ann"), &broken, true, expect);
        let expect = "connection from 10.0.0.7:5 ended before joining (no-name)";
        check(None, &EndReason::NoName, false, expect);
        check(
            Some("bo left (quit) from 1.1.1.1:1"),
            &EndReason::Closed,
            false,
            "\"bo left (quit) from 1.1.1.1:1\" left (closed) from 10.0.0.7:5",
        );
        let expect = "ann moved on from the connection of 10.0.0.7:5";
        check(Some("ann"), &EndReason::TakenOver, false, expect);
    }

    #[test]
    fn a_place_is_kept_when_the_connection_is_lost() {
        assert!(is_lost(&EndReason::Silent));
        assert!(!is_lost(&EndReason::Quit));
    }
}
