//! Files and folders that another user of the machine has planted.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::client::{client, pipe_to};
use crate::daemon::{Daemon, command, until_ended};
use crate::harness::Person;

/// Says a line with a session in this file, and gives what the client says about it.
fn say_with_session(daemon: &Daemon, file: &Path) -> String {
    let file = file.to_str().unwrap();
    let address = daemon.address.to_string();
    let mut client = client(&["--name", "bo", "--session", file, &address]);
    let output = pipe_to("hello\n", &mut client);
    String::from_utf8(output.stderr).unwrap()
}

#[track_caller]
fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_session_is_written_through_no_link_and_into_no_file_of_somebody_else() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let folder = TempDir::new().unwrap();
    let (file, new) = (folder.path().join("session"), folder.path().join("session.new"));
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    // A link in the way of a new version is not followed, and a file is not written into.
    symlink(&victim, &new).unwrap();
    assert!(!say_with_session(&daemon, &file).contains("session"));
    ann.lines_until("bo: hello");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    fs::write(&new, "planted").unwrap();
    set_mode(&new, 0o666);
    let planted = fs::File::open(&new).unwrap();
    assert!(!say_with_session(&daemon, &file).contains("session"));
    ann.lines_until("bo: hello");
    assert_eq!(std::io::read_to_string(planted).unwrap(), "planted", "no token is in it");
}

#[test]
fn a_session_is_read_from_no_link_and_no_file_of_others() {
    let daemon = Daemon::start();
    let folder = TempDir::new().unwrap();
    let (file, other) = (folder.path().join("session"), folder.path().join("other"));
    fs::write(&other, "{}").unwrap();
    let check = |expect: &str| {
        let said = say_with_session(&daemon, &file);
        assert!(said.contains(expect), "{said}");
    };
    symlink(&other, &file).unwrap();
    check("is a symbolic link");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "{}").unwrap();
    set_mode(&file, 0o622);
    check("other users can write to");
    set_mode(&file, 0o600);
    if chown(&file, Some(65534), None).is_ok() {
        check("belongs to another user");
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    check("is not a regular file");
    fs::remove_dir(&file).unwrap();
    let lock = folder.path().join("session.lock");
    fs::remove_file(&lock).unwrap();
    symlink(&other, &lock).unwrap();
    check("is a symbolic link");
    assert_eq!(fs::read_to_string(&other).unwrap(), "{}");
}

/// Starts a daemon that refuses to, and gives what it says.
#[track_caller]
fn refusal(folder: &TempDir, config: &str, state: &Path) -> String {
    let config = format!("[listen]\nchat = \"127.0.0.1:0\"\n{config}");
    let mut command = command(folder, &config);
    let mut child = command.env("STATE_DIRECTORY", state).stderr(Stdio::piped()).spawn().unwrap();
    let status = until_ended(&mut child);
    assert!(!status.success());
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

#[test]
fn a_state_folder_in_which_others_can_write_is_refused() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    for history in ["", "[history]\nenabled = false\n"] {
        for mode in [0o777, 0o770, 0o1777] {
            set_mode(&state, mode);
            let said = refusal(&folder, history, &state);
            let chmod = format!("`chmod go-w {}`", state.display());
            assert!(said.contains("other users can write to the state folder"), "{said}");
            assert!(said.contains(&chmod), "{said}");
        }
        set_mode(&state, 0o755);
        if chown(&state, Some(65534), None).is_ok() {
            let said = refusal(&folder, history, &state);
            assert!(said.contains("belongs to another user (uid 65534)"), "{said}");
            chown(&state, Some(0), None).unwrap();
        }
    }
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0, "nothing was made in it");
}

#[test]
fn a_folder_of_the_admin_socket_in_which_others_can_write_is_refused() {
    let folder = TempDir::new().unwrap();
    let (state, runtime) = (folder.path().join("state"), folder.path().join("run"));
    fs::create_dir(&state).unwrap();
    fs::create_dir(&runtime).unwrap();
    set_mode(&runtime, 0o777);
    let socket = runtime.join("admin.sock");
    let config = format!("[admin]\nsocket = \"{}\"\n", socket.display());
    let said = refusal(&folder, &config, &state);
    assert!(said.contains(&format!("`chmod go-w {}`", runtime.display())), "{said}");
    assert!(!socket.exists());
}

#[test]
fn only_the_daemon_can_hold_the_lock_of_its_state_folder() {
    let daemon = Daemon::start();
    let lock = daemon.folder.path().join("lock");
    assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o600);
    drop(daemon);
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let (lock, victim) = (state.join("lock"), folder.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    set_mode(&victim, 0o644);
    symlink(&victim, &lock).unwrap();
    let said = refusal(&folder, "", &state);
    assert!(said.contains("is a symbolic link") || said.contains("symbolic links"), "{said}");
    assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o644);
    fs::remove_file(&lock).unwrap();
    // One of before, that others could open.
    fs::write(&lock, "").unwrap();
    set_mode(&lock, 0o666);
    let config = "[listen]\nchat = \"127.0.0.1:0\"\n";
    let mut child = command(&folder, config).env("STATE_DIRECTORY", &state).spawn().unwrap();
    let start = std::time::Instant::now();
    while fs::metadata(&lock).unwrap().permissions().mode() & 0o777 != 0o600 {
        assert!(start.elapsed() < crate::daemon::PATIENCE, "it stays open");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
