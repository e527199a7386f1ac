//! The commands of `chatroomd` that do something and exit.

use std::path::Path;

use anyhow::bail;
use chatroom::config::Config;

use crate::args::Args;
use crate::check::Check;
use crate::file_locations::{FileLocation, FileLocations};
use crate::files;
use crate::service::Service;

/// The installed service, if the command is about its files: not if the configuration is another file
/// and names its own state folder.
///
/// # Errors
/// The user of the service does not exist.
pub fn service(args: &Args, config: &Config) -> anyhow::Result<Option<Service>> {
    let usual = Path::new(files::DEFAULT_CONFIG);
    let is_of_service = args.config.as_deref().is_none_or(|file| file == usual);
    match is_of_service || config.paths.state.is_none() {
        true => Service::find(),
        false => Ok(None),
    }
}

/// Checks the configuration and the files that the service opens with it. Returns the text to print.
///
/// # Errors
/// All problems, a sentence each.
pub fn check(args: &Args, config: &Config, file: Option<&Path>) -> Result<String, Vec<String>> {
    let service = service(args, config).map_err(|problem| vec![format!("{problem:#}")])?;
    let problems = Check::all(config, service.as_ref());
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut text = match file {
        Some(file) => format!("{}: configuration OK\n", file.display()),
        None => format!("There is no {}; the defaults apply.\n", files::DEFAULT_CONFIG),
    };
    if let Some(service) = service {
        let user = service.owner.name;
        text += &format!("The user {user} can read and write the files that it needs.\n");
    }
    Ok(text)
}

/// Makes a certificate and its key where the service looks for them. Returns the text to print.
///
/// # Errors
/// They exist already, or cannot be written.
pub fn make_certificate(
    args: &Args,
    config: &Config,
    mut names: Vec<String>,
) -> anyhow::Result<String> {
    if names.is_empty() {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        names = [&host, "localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        names.dedup();
    }
    let service = service(args, config)?;
    let locations = match &service {
        Some(service) => FileLocations::of_service(service, config),
        None => FileLocations::of_process(config),
    };
    let pair = locations.pair(config)?;
    // Credentials belong to root, because systemd reads them.
    let is_credential =
        locations.certificate(config)?.iter().any(|place| matches!(place, FileLocation::Source(_)));
    let owner = service.as_ref().map(|service| &service.owner).filter(|_| !is_credential);
    if let Some(folder) =
        pair.key.parent().filter(|folder| locations.state.as_deref() == Some(folder))
    {
        files::make_state_folder(folder, owner)?;
    }
    for file in [&pair.key, &pair.certificate] {
        if !args.force && file.symlink_metadata().is_ok() {
            bail!(
                "{} exists already, and nothing was changed. Move the certificate and the key away, or \
                 replace them with --force: clients that remember the old certificate then ask about \
                 the new one",
                file.display()
            );
        }
    }
    let shown = names.join(", ");
    let fingerprint = pair.make(names, owner)?;
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let next = next_step(config, service.is_some());
    Ok(format!(
        "Made {certificate} and its key {key}\nfor {shown}.\n{next}\nClients can compare its \
         fingerprint:\n{fingerprint}\n"
    ))
}

/// The next step that puts a new certificate into use.
fn next_step(config: &Config, is_installed: bool) -> String {
    let file = files::DEFAULT_CONFIG;
    match (config.listen.tls.is_empty(), is_installed) {
        (true, true) => format!(
            "Next: set tls = [\"0.0.0.0:53001\"] in [listen] of {file}, then `systemctl restart \
             chatroomd`."
        ),
        (true, false) => {
            "Next: set tls = [\"0.0.0.0:53001\"] in [listen], and start chatroomd again.".to_owned()
        }
        (false, true) => "Next: `systemctl reload chatroomd` puts it into use.".to_owned(),
        (false, false) => "Next: `chatctl reload` puts it into use.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_depends_on_what_is_there() {
        let mut config = Config::default();
        assert!(next_step(&config, true).contains("/etc/chatroomd.toml, then `systemctl restart"));
        assert!(next_step(&config, false).ends_with("start chatroomd again."));
        config.listen.tls.push(([0, 0, 0, 0], 53001).into());
        assert!(next_step(&config, true).contains("systemctl reload"));
    }
}
