//! Writes the manual pages and the completion scripts for bash, zsh and fish into a folder:
//! cargo run --example manual -- target/manual
//!
//! They are generated from the command lines of the programs and from the configuration file of the
//! package.

#[allow(dead_code, reason = "only the descriptions are needed here")]
#[path = "../../src/client/args.rs"]
mod client;
#[allow(dead_code, unused_imports, reason = "only the descriptions are needed here")]
#[path = "../../src/ctl/args/mod.rs"]
mod ctl;
#[allow(dead_code, reason = "only the descriptions are needed here")]
#[path = "../../src/daemon/args.rs"]
mod daemon;
mod file;
mod program;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/manual".to_owned()));
    fs::create_dir_all(&folder)?;
    let see = "chatroomd(8), chatctl(1), chatroom\\-client(1), chatroomd.toml(5), systemctl(1)";
    write_page(&folder, "8", daemon::Args::command(), program::DAEMON, see)?;
    write_page(&folder, "1", ctl::for_people(), program::CTL, see)?;
    write_page(&folder, "1", client::Args::command(), program::CLIENT, see)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut daemon::Args::command(), "chatroomd", &folder)?;
        generate_to(shell, &mut client::Args::command(), "chatroom-client", &folder)?;
    }
    // These scripts run chatctl, which asks the daemon for names.
    for (shell, file) in [
        (ctl::Shell::Bash, "chatctl.bash"),
        (ctl::Shell::Zsh, "_chatctl"),
        (ctl::Shell::Fish, "chatctl.fish"),
    ] {
        fs::write(folder.join(file), ctl::script::script(shell))?;
    }
    let shipped = include_str!("../../etc/chatroomd.toml");
    fs::write(folder.join("chatroomd.toml.5"), file::page(shipped, see))
}

fn write_page(
    folder: &Path,
    section: &str,
    mut command: Command,
    files: &[(&str, &str)],
    see: &str,
) -> io::Result<()> {
    command.build();
    let page = folder.join(format!("{}.{section}", command.get_name()));
    fs::write(page, program::page(&command, section, files, see)?)
}
