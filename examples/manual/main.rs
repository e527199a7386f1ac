//! Writes the manual pages, and what makes Tab complete in bash, zsh and fish, into a folder:
//! cargo run --example manual -- target/manual
//!
//! All of it comes from where the programs themselves have it: from the descriptions of their
//! command lines, and from the configuration file that is shipped.

#[allow(dead_code, reason = "only the descriptions are needed here")]
#[path = "../../src/client/args.rs"]
mod client;
#[allow(dead_code, reason = "only the descriptions are needed here")]
#[path = "../../src/ctl/args.rs"]
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
    write_all(&folder, "8", named(daemon::Args::command(), "chatroomd"), program::DAEMON, see)?;
    write_all(&folder, "1", ctl::for_people(), program::CTL, see)?;
    let client = named(client::Args::command(), "chatroom-client");
    write_all(&folder, "1", client, program::CLIENT, see)?;
    let shipped = include_str!("../../etc/chatroomd.toml");
    fs::write(folder.join("chatroomd.toml.5"), file::page(shipped, see))
}

/// The package gives its name to each; a program has its own.
fn named(command: Command, name: &'static str) -> Command {
    command.name(name).bin_name(name).display_name(name)
}

fn write_all(
    folder: &Path,
    section: &str,
    mut command: Command,
    files: &[(&str, &str)],
    see: &str,
) -> io::Result<()> {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let name = command.get_name().to_owned();
        generate_to(shell, &mut command.clone(), name, folder)?;
    }
    command.build();
    let page = folder.join(format!("{}.{section}", command.get_name()));
    fs::write(page, program::page(&command, section, files, see)?)
}
