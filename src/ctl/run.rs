//! Runs a command, and shows its result.

use std::time::Instant;

use chatroom::admin::{AdminRequest, Reply};
use chatroom::clean;
use jiff::Timestamp;

use crate::args::{Args, Command, script};
use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::table::terminal_width;
use crate::{backup, confirm, hand_over, history, password, record, redact, show, watch};

/// Runs the command and returns the text to print.
pub fn run(args: &Args) -> Result<String, Failure> {
    match &args.command {
        Command::HandOver { unit } => {
            return hand_over::hand_over(unit, args.socket.as_deref(), args.timeout);
        }
        Command::Completions { shell } => return Ok(script::script(*shell)),
        Command::Watch => return watch::run(args),
        _ => {}
    }
    // Before connecting: the daemon does not wait for as long as typing can take.
    let password = match &args.command {
        Command::Account { what } => what.needs_password().map(password::ask).transpose()?,
        _ => None,
    };
    let Some(request) = args.command.request(password) else { return Ok(String::new()) };
    confirm(args)?;
    let mut connection = AdminConnection::open(args.socket.as_deref(), args.timeout)?;
    match &args.command {
        Command::Redact { targets, user, since } => {
            redact::run(&mut connection, targets, user.as_deref(), *since, args.json)
        }
        Command::History { follow: true, .. } => {
            history::follow(&mut connection, &request, args.json).map(|()| String::new())
        }
        _ => ask(args, &request, &mut connection),
    }
}

/// Asks for confirmation where a command needs it, on a connection of its own: the daemon does not
/// wait for as long as an answer can take.
fn confirm(args: &Args) -> Result<(), Failure> {
    let connect = || AdminConnection::open(args.socket.as_deref(), args.timeout);
    match &args.command {
        Command::Shutdown { yes: false, cancel: false, .. } => confirm::shutdown(&mut connect()?),
        Command::Ban(sanction) | Command::Mute(sanction) if !sanction.yes => {
            confirm::sanction(&mut connect()?, &sanction.target)
        }
        _ => Ok(()),
    }
}

/// Sends the request and returns the reply as it is printed.
fn ask(
    args: &Args,
    request: &AdminRequest,
    connection: &mut AdminConnection,
) -> Result<String, Failure> {
    let start = Instant::now();
    let mut reply = match args.command {
        Command::History { .. } => history::ask_all(connection, request)?,
        _ => connection.ask(request)?,
    };
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    if let Reply::Refused { code, message } = reply {
        return Err(Failure::Refused { code, message });
    }
    if let (Command::Users { sort }, Reply::Users(users)) = (&args.command, &mut reply) {
        show::sort(users, *sort);
    }
    if let (Command::Backup { file }, Reply::Backup(length)) = (&args.command, &reply) {
        let text = backup::save(connection, *length, file)?;
        return Ok(if args.json { format!("{}\n", show::as_json(&reply)) } else { text });
    }
    if args.json {
        return Ok(format!("{}\n", as_json(&args.command, &reply, milliseconds)));
    }
    Ok(match as_text(&args.command, &reply) {
        Some(text) => text,
        None => describe(&args.command, milliseconds, connection),
    })
}

/// The reply as JSON.
fn as_json(command: &Command, reply: &Reply, milliseconds: f64) -> serde_json::Value {
    match (command, reply) {
        (Command::Ping, _) => serde_json::json!({ "ping": { "milliseconds": milliseconds } }),
        (Command::Topic { .. }, Reply::Status(status)) => {
            serde_json::json!({ "topic": status.topic })
        }
        (Command::Slow { .. }, Reply::Status(status)) => {
            serde_json::json!({ "slow_seconds": status.slow_seconds })
        }
        _ => show::as_json(reply),
    }
}

/// The reply as text. None if the reply says only that the command was carried out.
fn as_text(command: &Command, reply: &Reply) -> Option<String> {
    let (now, width) = (Timestamp::now(), terminal_width());
    Some(match (command, reply) {
        (Command::Topic { .. }, Reply::Status(status)) => show::topic(status),
        (Command::Slow { .. }, Reply::Status(status)) => show::slow(status),
        (_, Reply::Users(users)) => show::users(users, now, width),
        (_, Reply::Status(status)) => show::status(status, now, width),
        (_, Reply::Metrics(text)) => text.clone(),
        (_, Reply::LogLevel(level)) => format!("{level}\n"),
        (_, Reply::Said(said) | Reply::Moderated { said, .. }) => {
            format!("{}\n", clean::shown(said))
        }
        (_, Reply::Bans(bans)) => show::bans(bans, now, width),
        (_, Reply::Audit(entries)) => show::audit(entries, now, width),
        (_, Reply::Accounts(accounts)) => show::accounts(accounts, now, width),
        (_, Reply::History(records, _)) => {
            records.iter().map(|record| record::line(record) + "\n").collect()
        }
        (Command::Reload { quiet: true }, Reply::Reloaded(_)) => String::new(),
        (_, Reply::Reloaded(reloaded)) => {
            reloaded.lines().iter().map(|line| format!("{}\n", clean::line(line))).collect()
        }
        (_, Reply::DoneWith(notes)) => format!("Done. Note:\n{}\n", notes.join("\n")),
        _ => return None,
    })
}

/// A sentence about a command that was carried out.
fn describe(command: &Command, milliseconds: f64, connection: &mut AdminConnection) -> String {
    match command {
        Command::Ping => {
            format!("chatroomd and all of its parts answered in {milliseconds:.1} ms.\n")
        }
        Command::Reload { .. } => "Configuration reloaded.\n".to_owned(),
        Command::Shutdown { cancel: true, .. } => "Shutdown cancelled.\n".to_owned(),
        Command::Shutdown { after: Some(_), .. } => {
            "Shutdown announced. `chatctl shutdown --cancel` cancels it.\n".to_owned()
        }
        Command::Shutdown { .. } if connection.until_closed() => {
            "chatroomd has stopped.\n".to_owned()
        }
        Command::Shutdown { .. } => "chatroomd is stopping.\n".to_owned(),
        _ => String::new(),
    }
}
