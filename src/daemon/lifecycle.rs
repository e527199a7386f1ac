//! Starts all parts of the daemon, and ends them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::bail;
use chatroom::config::Config;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::admin::{self, AdminService, Operator};
use crate::faults::{Faults, Part};
use crate::handover::{self, Inherited, Inspection};
use crate::health::{self, Health};
use crate::listen::{self, Ports};
use crate::listeners::Listeners;
use crate::main_loop::{Daemon, End};
use crate::overview::Overview;
use crate::recovery::{PendingStart, WaitOutcome};
use crate::reload::{self, certificate_in_force, identity, log_certificate};
use crate::restart_state::RestartState;
use crate::restarts::Restarts;
use crate::shared::Shared;
use crate::sockets::ListenerKind;
use crate::start::{self, RoomContext, StartedRoom};
use crate::transient::StartFailure;
use crate::unit_files::UnitFiles;
use crate::{banner, limits, memory, metrics, signals, silence, status_line, systemd};

/// The configuration that the daemon starts with.
pub struct StartConfig {
    pub config: Config,
    /// The text of the file.
    pub text: String,
    pub file: Option<PathBuf>,
    /// The problems of the file, if the configuration of the previous process stays in force.
    pub problems: Vec<String>,
    pub restart_state: Arc<RestartState>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// It cannot start, or has to stop because something failed.
pub async fn run(start: StartConfig, inherited: Inherited) -> anyhow::Result<()> {
    let restarts = Restarts::count(start.restart_state.clone()).await;
    let settling = tokio::spawn(restarts.settle());
    let outcome = serve(start, inherited).await;
    settling.abort();
    if outcome.is_ok() {
        restarts.forget();
    }
    outcome
}

async fn serve(start: StartConfig, mut inherited: Inherited) -> anyhow::Result<()> {
    let StartConfig { mut config, text, file: config_file, problems, restart_state } = start;
    let starting = systemd::Starting::begin();
    limits::fit_to_descriptors(&mut config);
    let faults = Arc::new(Faults::new());
    tell_of_kept_configuration(&faults, &problems);
    let ports = open_ports(&config, &mut inherited)?;
    let is_activated = ports.listening.is_activated;
    let admin_socket = admin::open(&config);
    if admin_socket.is_err() && !systemd::supervises() {
        return admin_socket.map(drop);
    }
    let (control, mut orders) = mpsc::unbounded_channel();
    let terminated = signals::forward(control.clone())?;
    let config = Arc::new(config);
    let service = Arc::new(AdminService::new(PendingStart {
        config: Mutex::new((config.clone(), text)),
        config_file: config_file.clone(),
        since: Timestamp::now(),
        faults: faults.clone(),
        control: control.clone(),
    }));
    let inspection = Inspection::begin(&mut inherited)?;
    let opened = start::open(&config, control.clone());
    // Before any return: the inspection must have ended.
    let handed_over = inspection.end();

    // All tasks that serve something. Dropping this cancels them.
    let mut tasks = JoinSet::new();
    tasks.spawn(admin::serve(admin_socket, config.clone(), service.clone()));
    let opened = match opened {
        Ok(opened) => opened,
        Err(failure @ StartFailure::Transient { .. }) if systemd::supervises() => {
            match service.pending_start.until_open(failure, &ports, &mut orders).await? {
                WaitOutcome::Opened(opened) => *opened,
                WaitOutcome::Ended => return end_waiting(&service, tasks).await,
            }
        }
        Err(StartFailure::Transient { error, .. } | StartFailure::Permanent(error)) => {
            return Err(error);
        }
    };
    let no_password = check_password(opened.no_password.as_ref(), &faults)?;
    let (config, text) = service.pending_start.config();
    let Ports { listening, identity } = ports;
    let context = RoomContext {
        config: config.clone(),
        identity,
        handed_over,
        faults,
        restart_state,
        control: control.clone(),
    };
    let StartedRoom { shared, database, handed_over } = start::start(opened, context)?;
    let listeners = Listeners::serve(listening, &shared, &mut tasks)?;
    let health = Health { listeners: listeners.clone(), room: shared.room.clone() };
    let (set_shutdown_at, shutdown_at) = watch::channel(None);
    let overview = Arc::new(Overview {
        shared: shared.clone(),
        since: Timestamp::now(),
        listeners: listeners.clone(),
        config_file: config_file.clone(),
        unit_files: UnitFiles::look(),
        is_activated,
        database,
        shutdown_at,
    });
    if let Some(address) = config.metrics.listen {
        let make_text = {
            let overview = overview.clone();
            move || overview.metrics()
        };
        tasks.spawn(metrics::serve_all(address, shared.faults.clone(), Arc::new(make_text)));
    }
    service.open(Operator { overview, health: health.clone(), control });
    tasks.spawn(status_line::keep_current(shared.clone()));
    tasks.spawn(health::ping_watchdog(health));
    tasks.spawn(silence::watch_all(shared.clone()));
    tasks.spawn(memory::give_back(shared.clone()));
    if no_password {
        tasks.spawn(reload::password_later(shared.clone()));
    }

    let is_going_on = inherited.had_any();
    if let Some(handed_over) = handed_over {
        handed_over.resume(&shared);
    }
    tell_listening(&listeners, &shared);
    drop(starting);
    systemd::ready(&status_line::describe(&shared));
    // systemd does not run ExecStop= for a service that is still starting, so a second restart arrives
    // as this signal alone.
    let is_restarted = systemd::is_there() && terminated.get();
    if is_going_on {
        handover::settle();
    }
    shared.restart_state.set_configuration(&text);
    if !is_activated {
        handover::keep(&listeners.sockets());
    }
    banner::print(&config.room.name, &listeners.addresses());

    let mut daemon = Daemon { shared, config_file, is_activated, set_shutdown_at };
    let end = match is_restarted {
        true => Ok(End::HandOver),
        false => daemon.obey(orders).await,
    };
    systemd::stopping();
    tasks.shutdown().await;
    daemon.end(end, &listeners).await
}

/// Opens the ports. Under systemd, those that cannot be opened are tried again later.
fn open_ports(config: &Config, inherited: &mut Inherited) -> anyhow::Result<Ports> {
    let activated = inherited.activated_kinds();
    let speaks_tls = match activated.is_empty() {
        true => !config.listen.tls.is_empty(),
        false => activated.contains(&ListenerKind::Tls),
    };
    let (identity, problem) = match identity(config, speaks_tls) {
        Ok(identity) => (identity, None),
        Err(problem) if systemd::supervises() => (None, Some(format!("{problem:#}"))),
        Err(problem) => return Err(problem),
    };
    let mut listening = listen::open_all(config, inherited, problem.as_deref())?;
    if !systemd::supervises() && !listening.failed.is_empty() {
        return Err(listening.failed.swap_remove(0).3);
    }
    Ok(Ports { listening, identity })
}

/// Reports that the configuration file is invalid and the previous configuration stays in force.
fn tell_of_kept_configuration(faults: &Faults, problems: &[String]) {
    if problems.is_empty() {
        return;
    }
    let what = "the configuration from before the restart stays in force, because the file is invalid; \
                correct it, then run `systemctl reload chatroomd`";
    problems.iter().for_each(|problem| error!(event = "configuration-kept", "{problem}"));
    error!(event = "configuration-kept", "{what}");
    faults.set(Part::Configuration, &format!("{what} ({})", problems.join("; ")));
}

/// Reports that the room password could not be read. Returns whether it has to be read later; until
/// then, users cannot join with it.
///
/// # Errors
/// The password could not be read, and systemd does not supervise this process.
fn check_password(problem: Option<&anyhow::Error>, faults: &Faults) -> anyhow::Result<bool> {
    let Some(problem) = problem else { return Ok(false) };
    let problem = format!("{problem:#}");
    if !systemd::supervises() {
        bail!(problem);
    }
    faults.set(Part::RoomPassword, &problem);
    error!(event = "no-password", "{problem}; nobody can join with it. Trying again");
    Ok(true)
}

fn tell_listening(listeners: &Listeners, shared: &Shared) {
    for (kind, address) in listeners.addresses() {
        let shown = kind.show(address);
        info!(event = "listening", address = %address, "listening on {shown}");
    }
    if let Some(identity) = shared.identity() {
        log_certificate(&certificate_in_force(&identity, None));
    }
}

/// Stops before the room was open.
async fn end_waiting(service: &AdminService, mut tasks: JoinSet<()>) -> anyhow::Result<()> {
    systemd::stopping();
    // The administrator who asked for it still gets the answer.
    service.until_answered().await;
    tasks.shutdown().await;
    info!(event = "stopped", "stopped");
    Ok(())
}
