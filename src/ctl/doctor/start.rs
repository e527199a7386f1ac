//! Checks of the requirements of a start, if the daemon is not running.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use chatroom::admin::Finding;
use chatroom::config::Config;
use rustix::process::geteuid;

use super::ports;
use super::unit::Unit;
use crate::connection::CONFIG;

const AREA: &str = "start";

/// The program that the service runs.
struct Program {
    path: PathBuf,
    /// The configuration file that the unit names.
    config: Option<PathBuf>,
}

/// Checks the program, its configuration, and the files and ports that it would open.
pub(super) fn examine(service: Option<&Unit>) -> Vec<Finding> {
    let program = service.and_then(program_of).or_else(program_beside);
    let file = program.as_ref().and_then(|program| program.config.clone());
    let file = file.unwrap_or_else(|| PathBuf::from(CONFIG));
    let (config, mut findings) = configuration(&file);
    match &program {
        Some(program) => findings.extend(check(program)),
        None => {
            let advice = "Install the package, or see README.md for an installation by hand.";
            findings.push(Finding::problem(AREA, "the program chatroomd is not installed", advice));
        }
    }
    if let Some(config) = config {
        let listen = &config.listen;
        let wanted = [&listen.chat, &listen.tls].into_iter().flatten().copied();
        let wanted = wanted.chain(config.metrics.listen).filter(|it| it.port() != 0);
        let wanted: Vec<_> = wanted.collect();
        if !super::sockets::UNITS
            .into_iter()
            .filter_map(Unit::ask)
            .any(|it| it.get("ActiveState") == "active")
        {
            findings.extend(ports::are_free(&wanted));
        }
        let ports: Vec<u16> = wanted.iter().map(|address| address.port()).collect();
        findings.extend(ports::reserved(&ports));
    }
    findings
}

/// The program that the unit names, from `{ path=/usr/bin/chatroomd ; argv[]=... ; ... }`.
fn program_of(service: &Unit) -> Option<Program> {
    let command = service.get("ExecStart");
    let part = |name: &str| Some(command.split_once(name)?.1.split(" ;").next()?.trim());
    let path = PathBuf::from(part("path=")?);
    let mut words = part("argv[]=")?.split_whitespace();
    let mut config = None;
    while let Some(word) = words.next() {
        let named = match word.split_once('=') {
            Some(("--config", file)) => Some(file),
            None if word == "--config" => words.next(),
            _ => None,
        };
        config = named.map(PathBuf::from).or(config);
    }
    Some(Program { path, config })
}

/// The program that is installed beside this one.
fn program_beside() -> Option<Program> {
    let path = std::env::current_exe().ok()?.with_file_name("chatroomd");
    path.is_file().then_some(Program { path, config: None })
}

/// Checks the configuration as a start would read it.
fn configuration(file: &Path) -> (Option<Config>, Vec<Finding>) {
    let shown = file.display();
    match fs::read_to_string(file).map(|text| Config::parse(&text)) {
        Ok(Ok(config)) => {
            (Some(config), vec![Finding::ok("configuration", format!("{shown} is valid"))])
        }
        Ok(Err(problems)) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let advice = format!("Correct {shown}, then run `systemctl start chatroomd`.");
            let what = format!("{shown}, {}", problems.join("; "));
            (None, vec![Finding::problem("configuration", what, advice)])
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && file == Path::new(CONFIG) => {
            (Some(Config::default()), Vec::new())
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let what = format!("cannot read {shown}: {error}");
            let advice = "Run it as root: `sudo chatctl doctor`.";
            (None, vec![Finding::note("configuration", what, advice)])
        }
        Err(error) => {
            let what = format!("cannot read {shown}: {error}");
            let advice = format!("Create {shown}, then run `systemctl start chatroomd`.");
            (None, vec![Finding::problem("configuration", what, advice)])
        }
    }
}

/// Runs the program to check all files that it would open, with the rights of the service.
fn check(program: &Program) -> Vec<Finding> {
    let shown = program.path.display();
    if !geteuid().is_root() {
        let what = "only root can check the files with the rights of the service";
        return vec![Finding::note(AREA, what, "Run it as root: `sudo chatctl doctor`.")];
    }
    let mut command = Command::new(&program.path);
    command.arg("--check-config");
    if let Some(config) = &program.config {
        command.arg("--config").arg(config);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            let what = format!("cannot run {shown}: {error}");
            return vec![Finding::problem(AREA, what, "Reinstall it.")];
        }
    };
    if output.status.success() {
        return vec![Finding::ok(AREA, format!("{shown} --check-config found no problems"))];
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let problems: Vec<&str> = said
        .lines()
        .map(|line| line.strip_prefix("chatroomd: ").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .collect();
    let advice = "Fix this, then run `systemctl start chatroomd`.";
    match problems.is_empty() {
        true => {
            let what = format!("{shown} --check-config failed ({})", output.status);
            vec![Finding::problem(AREA, what, advice)]
        }
        false => problems.into_iter().map(|it| Finding::problem(AREA, it, advice)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use chatroom::admin::Verdict;

    use super::*;

    #[test]
    fn the_program_and_its_file_are_those_of_the_unit() {
        let show = |argv: &str| {
            let text = format!(
                "ExecStart={{ path=/opt/chatroomd ; argv[]={argv} ; ignore_errors=no ; pid=0 }}\n"
            );
            let program = program_of(&Unit::of("chatroomd.service", &text)).unwrap();
            (program.path, program.config)
        };
        let path = PathBuf::from("/opt/chatroomd");
        assert_eq!(show("/opt/chatroomd"), (path.clone(), None));
        let file = Some(PathBuf::from("/etc/x.toml"));
        assert_eq!(show("/opt/chatroomd --config /etc/x.toml"), (path.clone(), file.clone()));
        assert_eq!(show("/opt/chatroomd --config=/etc/x.toml"), (path, file));
        assert!(program_of(&Unit::of("chatroomd.service", "")).is_none());
    }

    #[test]
    fn a_configuration_that_would_stop_a_start_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chatroomd.toml");
        assert_eq!(configuration(&file).1[0].verdict, Verdict::Problem, "a file that is named");
        fs::write(&file, "[room]\nname = 5\n").unwrap();
        let (config, found) = configuration(&file);
        assert!(config.is_none() && found[0].what.contains("line 2"), "{found:?}");
        fs::write(&file, "[room]\nname = \"den\"\n").unwrap();
        let (config, found) = configuration(&file);
        assert_eq!((config.unwrap().room.name.as_str(), found[0].verdict), ("den", Verdict::Ok));
    }

    #[test]
    fn what_the_program_complains_of_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Program { path: folder.path().join("chatroomd"), config: None };
        if geteuid().is_root() {
            assert!(check(&missing)[0].what.contains("cannot run"));
        } else {
            assert_eq!(check(&missing)[0].verdict, Verdict::Note);
        }
    }
}
