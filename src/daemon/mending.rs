//! `--restore` and `--salvage`: repairs of the history while no daemon uses it.

use std::path::Path;

use anyhow::bail;
use chatroom::config::Config;
use jiff::Timestamp;

use crate::args::Args;
use crate::file_locations::FileLocations;
use crate::store::restore::{self, Restoration};
use crate::store::salvage::{self, Salvage};
use crate::{by_hand, files};

/// Replaces the history with a backup. Returns the text to print.
///
/// # Errors
/// As [`restore::restore`].
pub fn restore(args: &Args, config: &Config, backup: &Path) -> anyhow::Result<String> {
    let service = by_hand::service(args, config)?;
    let places = match &service {
        Some(service) => FileLocations::of_service(service, config),
        None => FileLocations::of_process(config),
    };
    let Some(folder) = places.state else {
        bail!("there is no state folder: name one in [paths] state");
    };
    files::make_state_folder(&folder, service.as_ref().map(|service| &service.owner))?;
    let Restoration { records, aside } = restore::restore(&folder, backup, Timestamp::now())?;
    let mut said = format!("Restored {} as the history in {}", backup.display(), folder.display());
    said += &match records {
        Some((first, last)) => format!(": records {first} to {last}.\n"),
        None => ": it is empty.\n".to_owned(),
    };
    if let Some(aside) = aside {
        said += &format!("The previous history is in {}.\n", aside.display());
    }
    said += "When chatroomd starts, it continues with this history in a new epoch.\n";
    Ok(said)
}

/// Saves the readable part of a damaged history. Returns the text to print.
///
/// # Errors
/// As [`salvage::salvage`].
pub fn salvage(damaged: &Path, new: &Path) -> anyhow::Result<String> {
    let Salvage { records, extent, missing } = salvage::salvage(damaged, new)?;
    let (first, last) = extent.unwrap_or_default();
    let shown = new.display();
    let mut said = format!("Saved {records} records, {first} to {last}, as {shown}.\n");
    if missing > 0 {
        said += &format!("{missing} records between them could not be found.\n");
    }
    said += &format!("`chatroomd --restore {shown}` replaces the history with it.\n");
    Ok(said)
}
