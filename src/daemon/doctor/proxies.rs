//! The proxies in [listen] proxy_protocol: whether they send headers, and who else has their addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chatroom::admin::Finding;
use chatroom::room::EndReason;

use super::network::AREA;
use crate::overview::Overview;

/// Checks `[listen] proxy_protocol`.
pub(super) fn examine(overview: &Overview) -> Vec<Finding> {
    let listen = &overview.shared.config().listen;
    if listen.proxy_protocol.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let refused = overview.shared.connections.ended();
    if let Some(count) = refused.get(EndReason::NoProxyHeader("").code()) {
        let what = format!(
            "{count} connection{} from addresses in [listen] proxy_protocol sent no valid header since \
             the start of the service",
            if *count == 1 { "" } else { "s" }
        );
        let advice = "`journalctl -u chatroomd CHATROOM_EVENT=no-proxy-header` shows from where. Configure \
                      the proxy to send a header, or remove its address from proxy_protocol.";
        findings.push(Finding::note(AREA, what, advice));
    }
    // The addresses that most clients on this machine have.
    let usual = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if let Some(address) = usual.into_iter().find(|&address| listen.is_proxy(address)) {
        let what = format!(
            "[listen] proxy_protocol lists {address}: clients on this machine can connect only through \
             the proxy"
        );
        let advice = "Let the proxy connect from another address, such as 127.0.0.2, and list that; \
                      see \"Behind a proxy\" in docs/administration.md.";
        findings.push(Finding::note(AREA, what, advice));
    }
    findings
}
