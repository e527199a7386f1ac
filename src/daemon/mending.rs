//! What an operator does with the history while no daemon uses it.

use std::path::Path;

use anyhow::bail;
use chatroom::config::Config;
use jiff::Timestamp;

use crate::args::Args;
use crate::places::Places;
use crate::store::restore::{self, Restoration};
use crate::store::salvage::{self, Salvage};
use crate::{by_hand, files};

/// Puts a backup in the place of the history, and says so.
///
/// # Errors
/// As [`restore::restore`].
pub fn restore(args: &Args, config: &Config, backup: &Path) -> anyhow::Result<String> {
    let service = by_hand::service(args, config)?;
    let places = match &service {
        Some(service) => Places::of_service(service, config),
        None => Places::of_process(config),
    };
    let Some(folder) = places.state else {
        bail!("there is no place for the history: name a folder in [paths] state");
    };
    files::make_state_folder(&folder, service.as_ref().map(|service| &service.owner))?;
    let Restoration { records, aside } = restore::restore(&folder, backup, Timestamp::now())?;
    let mut said = format!("Restored {} as the history in {}", backup.display(), folder.display());
    said += &match records {
        Some((first, last)) => format!(": records {first} to {last}.\n"),
        None => ": it is empty.\n".to_owned(),
    };
    if let Some(aside) = aside {
        said += &format!("What was there before is in {}.\n", aside.display());
    }
    said += "chatroomd goes on with it in a new epoch when it is started.\n";
    Ok(said)
}

/// Saves what can be read of a damaged history, and says so.
///
/// # Errors
/// As [`salvage::salvage`].
pub fn salvage(damaged: &Path, new: &Path) -> anyhow::Result<String> {
    let Salvage { records, extent, missing } = salvage::salvage(damaged, new)?;
    let (first, last) = extent.unwrap_or_default();
    let shown = new.display();
    let mut said = format!("Saved {records} records, {first} to {last}, as {shown}.\n");
    if missing > 0 {
        said += &format!("{missing} between them could not be found.\n");
    }
    said += &format!("`chatroomd --restore {shown}` puts it in the place of the history.\n");
    Ok(said)
}
