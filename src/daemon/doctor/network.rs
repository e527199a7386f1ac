//! The ports: whether the configured ones are open, and who can reach them.

use std::io::ErrorKind;
use std::net::SocketAddr;

use chatroom::access::Mode;
use chatroom::admin::Finding;
use chatroom::config::Config;

use super::process::Descriptors;
use crate::faults::Part;
use crate::overview::Overview;
use crate::{files, sockets};

pub(super) const AREA: &str = "network";

/// Checks the ports. `written` is the configuration in the file, if it is valid.
pub(super) fn examine(
    overview: &Overview,
    written: Option<&Config>,
    open: &Descriptors,
) -> Vec<Finding> {
    let started = overview.shared.started();
    let mut findings = missing(overview, &open.listening);
    if overview.is_activated {
        findings.extend(written.and_then(|written| activated(written, &open.listening)));
    }
    if !started.listen.tls.is_empty() || overview.is_activated {
        // Problems with the certificate are reported in an area of their own.
    } else if written.is_some_and(|it| it.tls != Config::default().tls && it.listen.tls.is_empty())
    {
        let what = "[tls] names a certificate, but there is no TLS port: [listen] tls is empty";
        let advice =
            "Set tls = [\"0.0.0.0:53001\"] in [listen], then `systemctl restart chatroomd`.";
        findings.push(Finding::note(AREA, what, advice));
    }
    findings.push(openness(overview, &open.listening));
    findings
}

/// The configured addresses on which nothing listens.
fn missing(overview: &Overview, listening: &[SocketAddr]) -> Vec<Finding> {
    let started = overview.shared.started();
    let mut wanted: Vec<(&str, SocketAddr)> = Vec::new();
    if !overview.is_activated {
        wanted.extend(started.listen.chat.iter().map(|&address| ("[listen] chat", address)));
        wanted.extend(started.listen.tls.iter().map(|&address| ("[listen] tls", address)));
    }
    wanted.extend(started.metrics.listen.map(|address| ("[metrics] listen", address)));
    // A socket that was handed over may belong to another network namespace than this process.
    let listening: Vec<SocketAddr> = overview
        .listeners
        .addresses()
        .into_iter()
        .map(|(_, address)| address)
        .chain(listening.iter().copied())
        .collect();
    let is_open = |wanted: SocketAddr| {
        let is_it = |open: &&SocketAddr| {
            open.ip() == wanted.ip() && [open.port(), 0].contains(&wanted.port())
        };
        listening.iter().any(|open| is_it(&open))
    };
    wanted.retain(|(_, address)| !is_open(*address));
    // Addresses whose faults say why they cannot be opened are reported as faults.
    let faults = overview.shared.faults.by_part();
    let is_told = |address: SocketAddr| {
        faults.iter().any(|(part, why)| {
            matches!(part, Part::Listener(..)) && why.contains(&address.to_string())
        })
    };
    wanted.retain(|(_, address)| !is_told(*address));
    wanted.into_iter().map(|(option, address)| explain(overview, option, address)).collect()
}

/// Finds out why nothing listens on an address, by trying.
fn explain(overview: &Overview, option: &str, address: SocketAddr) -> Finding {
    let what = format!("{option}: nothing listens on {address}");
    if option == "[listen] tls"
        && let Err(problem) = files::certificate(&overview.shared.config()).and_then(|it| it.load())
    {
        let advice = "Correct that, then `chatctl reload`.";
        return Finding::problem(AREA, format!("{what}: {problem:#}"), advice);
    }
    let port = address.port();
    let Err(error) = sockets::try_bind(address) else {
        let advice = "It can be opened now; `chatctl reload` makes chatroomd try at once.";
        return Finding::problem(AREA, what, advice);
    };
    let (why, advice) = match error.kind() {
        ErrorKind::AddrInUse => (
            "another program uses that address".to_owned(),
            format!(
                "`ss -tlnp 'sport = :{port}'` shows which one. Stop it, or choose another address."
            ),
        ),
        ErrorKind::AddrNotAvailable => (
            "this machine does not have that address".to_owned(),
            "`ip address` shows its addresses.".to_owned(),
        ),
        ErrorKind::PermissionDenied => (
            "it is not permitted".to_owned(),
            "Choose a port above 1023, or look at IPAddressDeny= and SocketBindDeny= of the unit."
                .to_owned(),
        ),
        _ => (
            error.to_string(),
            "Look at RestrictAddressFamilies= and PrivateNetwork= of the unit.".to_owned(),
        ),
    };
    Finding::problem(AREA, format!("{what}: {why}"), advice)
}

/// Reports addresses in [listen] that have no effect, because systemd opens the ports.
fn activated(written: &Config, listening: &[SocketAddr]) -> Option<Finding> {
    let listen = &written.listen;
    let usual = Config::default().listen;
    if (&listen.chat, &listen.tls) == (&usual.chat, &usual.tls) {
        return None;
    }
    let ignored: Vec<String> = [&listen.chat, &listen.tls]
        .into_iter()
        .flatten()
        .filter(|address| !listening.contains(address))
        .map(ToString::to_string)
        .collect();
    if ignored.is_empty() {
        return None;
    }
    let what = format!(
        "systemd opens the ports, so [listen] has no effect: nothing listens on {}",
        ignored.join(", ")
    );
    let advice = "Set ListenStream= with `systemctl edit chatroomd.socket`, or disable chatroomd.socket; \
                  then restart both.";
    Some(Finding::problem(AREA, what, advice))
}

/// Reports which clients can reach the ports, and whether connections are encrypted.
fn openness(overview: &Overview, listening: &[SocketAddr]) -> Finding {
    let listen = overview.listening();
    let shown = listen.join(", ");
    let is_plain = |address: &&SocketAddr| listen.contains(&address.to_string());
    let is_reachable = listening.iter().filter(is_plain).any(|address| !address.ip().is_loopback());
    if !is_reachable {
        return Finding::ok(AREA, format!("listening on {shown}"));
    }
    let what = format!("listening on {shown}: messages cross the network unencrypted");
    let who = match overview.shared.config().access.mode {
        Mode::Open => ", and anyone can join",
        Mode::Password | Mode::Accounts => "",
    };
    let advice = "`tls` in [listen] encrypts, `mode` in [access] sets who can join; see \
                  docs/security.md.";
    Finding::note(AREA, what + who, advice)
}
