//! Checks of the socket units, with which systemd opens the ports.

use chatroom::admin::{Finding, Status};

use super::unit::Unit;

const AREA: &str = "sockets";

pub(super) const UNITS: [&str; 2] = ["chatroomd.socket", "chatroomd-tls.socket"];

/// Compares the socket units with the service and with the running daemon.
pub(super) fn examine(service: &Unit, status: Option<&Status>) -> Vec<Finding> {
    let sockets = UNITS.into_iter().filter_map(Unit::ask);
    sockets.flat_map(|socket| judge(&socket, service, status)).collect()
}

fn judge(socket: &Unit, service: &Unit, status: Option<&Status>) -> Vec<Finding> {
    let name = socket.name;
    let is_required = service.lists("Requires", name);
    let recipe = format!(
        "`systemctl stop chatroomd`, `systemctl start {name}`, `systemctl start chatroomd`, in this \
         order: the socket cannot be opened while the service has the port."
    );
    if !socket.is_loaded() {
        if !is_required {
            return Vec::new();
        }
        let state = socket.get("LoadState");
        let what = format!("the service requires {name}, but that unit is {state}");
        let advice = format!("Install {name}, or remove the drop-in that requires it.");
        return vec![Finding::problem(AREA, what, advice)];
    }
    let mut findings = Vec::new();
    if socket.get("NeedDaemonReload") == "yes" {
        let what = format!("{name} has changed on disk since it was loaded");
        findings.push(Finding::problem(
            AREA,
            what,
            format!("Run `systemctl daemon-reload`. Then {recipe}"),
        ));
    }
    let is_wanted = is_required || socket.get("UnitFileState").starts_with("enabled");
    let is_activated = status.is_some_and(|status| status.socket_activated);
    match socket.get("ActiveState") {
        "failed" => {
            let what =
                format!("{name} has failed ({}): systemd holds no port", socket.get("Result"));
            let advice = format!("`journalctl -u {name} -n 20` says why. Then {recipe}");
            findings.push(Finding::problem(AREA, what, advice));
        }
        "active" | "activating" => findings.push(open(socket, status, &recipe)),
        state if is_wanted => {
            let what = format!("{name} is {state}, though it is enabled or required");
            findings.push(Finding::problem(AREA, what, recipe));
        }
        state if is_activated && name == UNITS[0] => {
            let what = format!("the service uses sockets of systemd, but {name} is {state}");
            let advice = format!("The next restart closes them. {recipe}");
            findings.push(Finding::problem(AREA, what, advice));
        }
        _ => {}
    }
    findings
}

/// Checks whether the running daemon serves a socket that systemd has opened.
fn open(socket: &Unit, status: Option<&Status>, recipe: &str) -> Finding {
    let name = socket.name;
    let address = socket.get("Listen").split(" (").next().unwrap_or_default();
    let Some(status) = status else {
        return Finding::ok(
            AREA,
            format!("{name} holds {address}; the first client starts the service"),
        );
    };
    let serves = |listen: &String| listen.split(" (").next() == Some(address);
    if !status.socket_activated {
        let what =
            format!("{name} holds {address}, but the running service was started without it");
        Finding::problem(AREA, what, recipe)
    } else if !status.listen.iter().any(serves) {
        let listen = status.listen.join(", ");
        let what = format!("{name} holds {address}, but the running service serves {listen}");
        Finding::problem(AREA, what, recipe)
    } else {
        Finding::ok(AREA, format!("{name} holds {address}, and the service serves it"))
    }
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    const SOCKET: &str = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\
                          Listen=127.0.0.1:53000 (Stream)\n";

    fn status(listen: &str, socket_activated: bool) -> Status {
        Status { listen: vec![listen.to_owned()], socket_activated, ..Status::default() }
    }

    #[track_caller]
    fn check(socket: &str, requires: &str, status: Option<&Status>, verdict: Verdict, says: &str) {
        let service = Unit::of("chatroomd.service", requires);
        let found = judge(&Unit::of("chatroomd.socket", socket), &service, status);
        let is_said = |it: &Finding| {
            let all = format!("{} {}", it.what, it.advice.as_deref().unwrap_or_default());
            it.verdict == verdict && all.contains(says)
        };
        assert!(found.iter().any(is_said), "{says:?} is not in {found:?}");
    }

    #[test]
    fn a_socket_that_is_served_is_well() {
        let served = status("127.0.0.1:53000", true);
        check(SOCKET, "", Some(&served), Verdict::Ok, "the service serves it");
        check(SOCKET, "", None, Verdict::Ok, "the first client starts the service");
    }

    #[test]
    fn a_socket_that_the_service_does_not_have_is_found() {
        let without = status("127.0.0.1:53000", false);
        check(SOCKET, "", Some(&without), Verdict::Problem, "was started without it");
        let other = status("0.0.0.0:6667", true);
        check(SOCKET, "", Some(&other), Verdict::Problem, "serves 0.0.0.0:6667");
    }

    #[test]
    fn a_failed_or_inactive_socket_is_found() {
        let failed = SOCKET.replace("active\n", "failed\nResult=resources\n");
        check(&failed, "", None, Verdict::Problem, "has failed (resources)");
        let inactive = SOCKET.replace("ActiveState=active", "ActiveState=inactive");
        check(&inactive, "", None, Verdict::Problem, "is inactive, though it is enabled");
        let disabled = inactive.replace("enabled", "disabled");
        let activated = status("127.0.0.1:53000", true);
        check(&disabled, "", Some(&activated), Verdict::Problem, "The next restart");
        check(&disabled, "Requires=a.slice chatroomd.socket\n", None, Verdict::Problem, "required");
        let without = status("127.0.0.1:53000", false);
        let unused = Unit::of("chatroomd.socket", &disabled);
        assert!(judge(&unused, &Unit::of("chatroomd.service", ""), Some(&without)).is_empty());
    }

    #[test]
    fn a_socket_that_is_required_and_missing_is_found() {
        let missing = "LoadState=not-found\n";
        check(missing, "Requires=chatroomd.socket\n", None, Verdict::Problem, "is not-found");
        let none = Unit::of("chatroomd.socket", missing);
        assert!(judge(&none, &Unit::of("chatroomd.service", ""), None).is_empty());
    }
}
