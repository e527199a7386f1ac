//! Fits the configured limits to those of the system.

use chatroom::config::Config;
use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

use crate::session::MAX_TURNED_AWAY;

/// Descriptors that are reserved for other uses than connections: about 29 for the history, the ports
/// and the runtime, and a few for short uses such as notifying systemd and serving `chatctl`.
const RESERVED: u64 = 32 + MAX_TURNED_AWAY as u64;

/// Raises the limit on open files as far as permitted, and lowers the number of connections to fit
/// it. A client beyond that number is told that the room is full instead of hanging.
pub fn fit_to_descriptors(config: &mut Config) {
    let mut limit = getrlimit(Resource::Nofile);
    let is_lower = limit.current != limit.maximum;
    limit.current = limit.maximum;
    if is_lower && let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(
            event = "limit-not-raised",
            %error,
            "cannot raise the limit of open files: {error}"
        );
    }
    let wanted = config.limits.connections;
    let fit = fitted(wanted);
    if wanted > fit {
        warn!(
            event = "limit-lowered",
            "the limit of open files allows {fit} connections and not {wanted}; raise \
             LimitNOFILE= of the service"
        );
    }
    config.limits.connections = fit;
}

/// The number of the wanted connections that the limit on open files allows. 0 stands for as many
/// as possible.
pub fn fitted(wanted: usize) -> usize {
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return wanted };
    let fit = usize::try_from(descriptors.saturating_sub(RESERVED).max(1)).unwrap_or(usize::MAX);
    if wanted == 0 { fit } else { wanted.min(fit) }
}
