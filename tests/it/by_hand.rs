//! Commands that an administrator runs at a terminal: they look where the service looks, and write what it can
//! read. Those about another user need root; `systemctl` is a stand-in that says what a test wants.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::faults::cannot_run;

/// A machine on which the service is installed, as far as `systemctl` says.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// The service runs as `nobody`, and its unit has these lines as well. None without root.
    fn with(unit: &str) -> Option<Machine> {
        if !rustix::process::geteuid().is_root() {
            cannot_run("files of the service", "only root can become another user");
            return None;
        }
        let machine = Machine { folder: TempDir::new().unwrap() };
        // Everybody can get to what is in it.
        fs::set_permissions(machine.folder.path(), Permissions::from_mode(0o755)).unwrap();
        let state = machine.state();
        let shown = format!(
            "LoadState=loaded\nUser=nobody\nGroup=nogroup\nStateDirectory={}\nProtectHome=yes\n",
            state.display()
        );
        fs::write(machine.folder.path().join("show"), shown).unwrap();
        fs::write(machine.folder.path().join("cat"), format!("[Service]\n{unit}\n")).unwrap();
        let program = machine.folder.path().join("bin/systemctl");
        fs::create_dir(program.parent().unwrap()).unwrap();
        let script = format!("#!/bin/sh\ncat {}/$1\n", machine.folder.path().display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        Some(machine)
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Runs chatroomd as root at a terminal.
    fn run(&self, config: &str, args: &[&str]) -> Output {
        let file = self.folder.path().join("chatroomd.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroomd"));
        command.arg("--config").arg(file).args(args);
        for variable in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(variable);
        }
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}/bin:{path}", self.folder.path().display()));
        command.env("HOME", self.folder.path().join("home"));
        command.output().unwrap()
    }

    /// Runs it, and gives what it complains about.
    #[track_caller]
    fn complains(&self, config: &str) -> String {
        let output = self.run(config, &["--check-config"]);
        assert_eq!(output.status.code(), Some(78), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[track_caller]
    fn is_right(&self, config: &str) {
        let output = self.run(config, &["--check-config"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("The user nobody can read and write"), "{said}");
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

const TLS: &str = "[listen]\ntls = \"127.0.0.1:0\"\n";

#[test]
fn root_makes_a_certificate_where_the_service_reads_it() {
    let Some(machine) = Machine::with("") else { return };
    let said = machine.complains(TLS);
    assert!(said.contains("nobody cannot read the certificate"), "{said}");
    assert!(said.contains("nobody cannot read the key"), "both are named: {said}");
    let output = machine.run("", &["--make-certificate", "chat.example"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| machine.state().join(name));
    assert!(said.contains(&format!("Made {} and its key", certificate.display())), "{said}");
    assert!(said.contains("tls = [\"0.0.0.0:53001\"] in [listen]"), "{said}");
    assert!(said.contains("systemctl restart chatroomd"), "{said}");
    let nobody = 65534;
    for (path, expect) in [(&certificate, 0o644), (&key, 0o600), (&machine.state(), 0o700)] {
        assert_eq!(path.metadata().unwrap().uid(), nobody, "{}", path.display());
        assert_eq!(mode(path), expect, "{}", path.display());
    }
    assert!(!machine.folder.path().join("home").exists(), "nothing is put into root's home");
    machine.is_right(TLS);
}

#[test]
fn a_pair_that_exists_is_not_replaced_unless_that_is_asked_for() {
    let Some(machine) = Machine::with("") else { return };
    let make =
        |args: &[&str]| machine.run("", &[&["--make-certificate", "localhost"], args].concat());
    assert!(make(&[]).status.success());
    let file = machine.state().join("certificate.pem");
    let before = fs::read(&file).unwrap();
    let again = make(&[]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("key.pem exists already, and nothing was changed"), "{said}");
    assert!(said.contains("--force") && !said.contains("os error"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(make(&["--force"]).status.success());
    assert_ne!(fs::read(&file).unwrap(), before);
    machine.is_right(TLS);
}

#[test]
fn every_file_that_the_service_cannot_use_is_named() {
    let Some(machine) = Machine::with("") else { return };
    assert!(machine.run("", &["--make-certificate", "localhost"]).status.success());
    let state = machine.state();
    // Copied there by root, as when a backup or a key is restored.
    for name in ["key.pem", "history.sqlite", "room-password"] {
        fs::write(state.join(name), "of root").unwrap();
        std::os::unix::fs::chown(state.join(name), Some(0), Some(0)).unwrap();
        fs::set_permissions(state.join(name), Permissions::from_mode(0o600)).unwrap();
    }
    let config =
        format!("{TLS}[access]\nmode = \"password\"\n[admin]\nsocket = \"/nowhere/admin.sock\"\n");
    let said = machine.complains(&config);
    for expect in [
        "nobody cannot read the key",
        "nobody cannot read the room password",
        "nobody cannot read and write",
        "history.sqlite: Permission denied. `chown nobody: ",
        "the folder of the admin socket, /nowhere, does not exist",
    ] {
        assert!(said.contains(expect), "{expect}: {said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
    fs::remove_dir_all(&state).unwrap();
    fs::write(&state, "a file").unwrap();
    assert!(machine.complains("").contains("nobody cannot write to the state folder"));
}

#[test]
fn a_pair_that_does_not_match_and_one_in_a_home_are_found() {
    let Some(machine) = Machine::with("") else { return };
    let folder = |name: &str| {
        let folder = machine.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
        let config = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
        assert!(machine.run(&config, &["--make-certificate", "localhost"]).status.success());
        (certificate, key)
    };
    let (one, other) = (folder("one"), folder("other"));
    assert_eq!(one.1.metadata().unwrap().uid(), 65534);
    machine.is_right(&format!("{TLS}[tls]\ncertificate = {:?}\nkey = {:?}\n", one.0, one.1));
    let crossed = format!("{TLS}[tls]\ncertificate = {:?}\nkey = {:?}\n", one.0, other.1);
    assert!(machine.complains(&crossed).contains("do not match"));
    let at_home = format!("{TLS}[tls]\ncertificate = \"/root/c.pem\"\nkey = {:?}\n", one.1);
    assert!(machine.complains(&at_home).contains("it sees no homes (ProtectHome=)"));
}

#[test]
fn credentials_are_looked_at_where_systemd_reads_them() {
    let folder = TempDir::new().unwrap();
    let source = |name: &str| folder.path().join(name).display().to_string();
    let unit = format!(
        "LoadCredential=certificate.pem:{}\nLoadCredential=key.pem:{}",
        source("fullchain.pem"),
        source("privkey.pem")
    );
    let Some(machine) = Machine::with(&unit) else { return };
    let said = machine.complains(TLS);
    assert!(
        said.contains(&format!("systemd cannot read the certificate {}", source("fullchain.pem")))
    );
    assert!(machine.run("", &["--make-certificate", "localhost"]).status.success());
    // Only systemd has to read these.
    let key = PathBuf::from(source("privkey.pem"));
    assert_eq!((key.metadata().unwrap().uid(), mode(&key)), (0, 0o600));
    machine.is_right(TLS);
}

#[test]
fn an_ordinary_user_or_an_explicit_folder_does_not_touch_the_service() {
    let Some(machine) = Machine::with("") else { return };
    let own = machine.folder.path().join("own");
    let config = format!("[paths]\nstate = {own:?}\n");
    assert!(machine.run(&config, &["--make-certificate", "localhost"]).status.success());
    assert_eq!(own.join("key.pem").metadata().unwrap().uid(), 0);
    assert!(!machine.state().exists());
}
