//! Carrying out a command.

use std::time::Instant;

use chatroom::admin::Reply;
use chatroom::clean;
use jiff::Timestamp;

use crate::args::{Args, Command, script};
use crate::connection::AdminConnection;
use crate::failure::Failure;
use crate::program::{self, Printed};
use crate::table::terminal_width;
use crate::{confirm, hand_over, history, password, record, redact, show, watch};

/// Carries out the command and gives what to print.
pub fn run(args: &Args) -> Result<String, Failure> {
    if let Command::HandOver { unit } = &args.command {
        return hand_over::hand_over(unit, args.socket.as_deref(), args.timeout);
    }
    if let Command::Completions { shell } = args.command {
        return Ok(script::script(shell));
    }
    if let Command::Watch = args.command {
        return watch::run(args);
    }
    // Before the connection, for the daemon does not wait for as long as a person may type.
    let password = match &args.command {
        Command::Account { what } => what.needs_password().map(password::ask).transpose()?,
        _ => None,
    };
    let Some(request) = args.command.request(password) else { return Ok(String::new()) };
    let mut connection = AdminConnection::open(args.socket.as_deref(), args.timeout)?;
    if let Command::Shutdown { yes: false, cancel: false, .. } = args.command {
        confirm::shutdown(&mut connection)?;
        // The daemon does not wait for as long as a person may think.
        connection = AdminConnection::open(args.socket.as_deref(), args.timeout)?;
    }
    if let Command::Ban(sanction) | Command::Mute(sanction) = &args.command
        && !sanction.yes
    {
        confirm::sanction(&mut connection, &sanction.target)?;
        connection = AdminConnection::open(args.socket.as_deref(), args.timeout)?;
    }
    if let Command::Redact { targets, user, since } = &args.command {
        return redact::run(&mut connection, targets, user.as_deref(), *since, args.json);
    }
    if let Command::History { follow: true, .. } = args.command {
        history::follow(&mut connection, &request, args.json)?;
        return Ok(String::new());
    }
    let asked = Instant::now();
    let mut reply = match args.command {
        Command::History { .. } => history::ask_all(&mut connection, &request)?,
        _ => connection.ask(&request)?,
    };
    let milliseconds = asked.elapsed().as_secs_f64() * 1000.0;
    if let Reply::Refused { code, message } = reply {
        return Err(Failure::Refused { code, message });
    }
    if let (Command::Users { sort }, Reply::Users(users)) = (&args.command, &mut reply) {
        show::sort(users, *sort);
    }
    if let (Command::Backup { file }, Reply::Backup(length)) = (&args.command, &reply) {
        let said = history::save(&mut connection, *length, file)?;
        return Ok(if args.json { format!("{}\n", show::as_json(&reply)) } else { said });
    }
    if args.json {
        return Ok(format!("{}\n", as_json(&args.command, &reply, milliseconds)));
    }
    Ok(match as_text(&args.command, &reply) {
        Some(text) => text,
        None => describe(&args.command, milliseconds, &mut connection),
    })
}

/// Prints a part of what there is to print.
///
/// # Errors
/// It cannot be written.
pub fn print(text: &str) -> Result<Printed, Failure> {
    program::print(text).map_err(Failure::Output)
}

/// What a program is told.
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

/// What a person is shown of a reply that has something in it.
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

/// Says in a sentence what was done.
fn describe(command: &Command, milliseconds: f64, connection: &mut AdminConnection) -> String {
    match command {
        Command::Ping => {
            format!("chatroomd and all of its parts answered in {milliseconds:.1} ms.\n")
        }
        Command::Reload { .. } => "The configuration was read again.\n".to_owned(),
        Command::Shutdown { cancel: true, .. } => "The shutdown was called off.\n".to_owned(),
        Command::Shutdown { after: Some(_), .. } => {
            "The shutdown was announced. `chatctl shutdown --cancel` calls it off.\n".to_owned()
        }
        Command::Shutdown { .. } if connection.until_closed() => {
            "chatroomd has ended.\n".to_owned()
        }
        Command::Shutdown { .. } => "chatroomd is ending.\n".to_owned(),
        _ => String::new(),
    }
}
