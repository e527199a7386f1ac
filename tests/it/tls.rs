//! The port that speaks TLS.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};
use tempfile::TempDir;

use crate::client::client;
use crate::daemon::{Daemon, command};
use crate::harness::{PROMPT, Person};

/// A port for TLS beside the plain one.
pub const TLS: &str = "tls = \"127.0.0.1:0\"\n[timeouts]\n[history]\nreplay = 0\n";

/// Makes a certificate in the folder of a daemon.
pub fn make_certificate(folder: &TempDir) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_chatroomd"))
        .args(["--config", "/dev/null", "--make-certificate", "localhost"])
        .env("STATE_DIRECTORY", folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let said = String::from_utf8(made.stdout).unwrap();
    said.lines().last().unwrap().to_owned()
}

/// A daemon that speaks TLS, and the address where it does.
pub fn daemon() -> (Daemon, SocketAddr) {
    let folder = TempDir::new().unwrap();
    make_certificate(&folder);
    let daemon = Daemon::in_folder(folder, TLS, |_| {});
    let listen = daemon.status().listen;
    let address = listen[1].strip_suffix(" (TLS)").unwrap().parse().unwrap();
    (daemon, address)
}

/// Trusts what is in the folder of the daemon now.
pub fn client_config(
    daemon: &Daemon,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let file = daemon.folder.path().join("certificate.pem");
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Puts another certificate for the same key into a folder, which ends in that year.
pub fn certify_until(folder: &Path, year: i32) {
    let key = fs::read_to_string(folder.join("key.pem")).unwrap();
    let key = rcgen::KeyPair::from_pem(&key).unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 2, 3);
    fs::write(folder.join("certificate.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
}

impl Person {
    /// Connects with TLS, trusting what is in the folder of the daemon now.
    #[track_caller]
    pub fn secure(daemon: &Daemon, address: SocketAddr) -> Person {
        let versions = rustls::ALL_VERSIONS;
        Person::secure_with(daemon, address, versions)
    }

    #[track_caller]
    fn secure_with(
        daemon: &Daemon,
        address: SocketAddr,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Person {
        let config = client_config(daemon, versions);
        let mut person = Person::connect_to(address);
        let name = "localhost".try_into().unwrap();
        person.tls = Some(ClientConnection::new(config, name).unwrap());
        person
    }

    #[track_caller]
    fn join(&mut self, name: &str) {
        self.expect(PROMPT);
        self.say(name);
        self.expect(&format!("[SERVER]: Welcome {name}! To leave chat write !quit."));
    }
}

#[test]
fn tls_clients_chat_like_plain_ones() {
    let (daemon, address) = daemon();
    let mut ann = Person::text(&daemon, "ann");
    for (name, version, number) in [
        ("bo", &rustls::version::TLS13, ProtocolVersion::TLSv1_3),
        ("cy", &rustls::version::TLS12, ProtocolVersion::TLSv1_2),
    ] {
        let mut person = Person::secure_with(&daemon, address, &[version]);
        person.join(name);
        assert_eq!(person.tls.as_ref().unwrap().protocol_version(), Some(number));
        ann.expect(&format!("[SERVER]: {name} joined the chat!"));
        ann.say("hello");
        person.expect("ann: hello");
        person.say("good evening");
        ann.expect(&format!("{name}: good evening"));
        person.say("!quit");
        ann.expect(&format!("[SERVER]: {name} has quit."));
        person.expect_end();
    }
}

#[test]
fn a_slow_reader_over_tls_misses_nothing() {
    let (daemon, address) = daemon();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::secure(&daemon, address);
    bo.join("bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let long = "x".repeat(4000);
    for number in 0..2000 {
        ann.say(&format!("{number} {long}"));
    }
    daemon.until("stored", |daemon| daemon.status().messages == 2000);
    for number in 0..2000 {
        bo.expect(&format!("ann: {number} {long}"));
    }
    // Longer than a record of TLS, and in the other direction.
    let lines: String = (0..2000).map(|number| format!("{number} {long}\n")).collect();
    let mut ann_reads = ann;
    let reading = std::thread::spawn(move || {
        for number in 0..2000 {
            ann_reads.expect(&format!("bo: {number} {}", "x".repeat(4000)));
        }
    });
    bo.send(lines.as_bytes());
    reading.join().unwrap();
}

#[test]
fn silent_connections_hold_up_nobody() {
    let (daemon, address) = daemon();
    let silent: Vec<TcpStream> = (0..500).map(|_| TcpStream::connect(address).unwrap()).collect();
    let start = Instant::now();
    let mut bo = Person::secure(&daemon, address);
    bo.join("bo");
    let elapsed = start.elapsed();
    // A handshake that had to wait for another one would wait for 10 s.
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    assert_eq!(daemon.status().connections, 501);
    // They are given up after those 10 s; who is there stays.
    daemon.until("given up", |daemon| daemon.status().connections == 1);
    drop(silent);
    bo.say("!who");
    bo.expect("[SERVER]: 1 person is here: bo");
}

#[test]
fn a_connection_that_speaks_no_tls_is_closed() {
    let (daemon, address) = daemon();
    let mut ann = Person::connect_to(address);
    ann.say("good evening");
    // A sentence, and the end.
    while ann.piece().is_some() {}
    daemon.until_logged("reason=\"foreign\"");
    // Input that only begins like TLS gets an alert.
    let mut cy = Person::connect_to(address);
    cy.send(b"\x16good evening");
    while cy.piece().is_some() {}
    daemon.until_logged("the TLS handshake failed");
    // And in the middle of what was TLS.
    let mut bo = Person::secure(&daemon, address);
    bo.join("bo");
    bo.stream.write_all(b"good evening, this is not encrypted").unwrap();
    daemon.until_empty();
}

#[test]
fn a_farewell_is_heard_over_tls() {
    let (mut daemon, address) = daemon();
    let mut bo = Person::secure(&daemon, address);
    bo.join("bo");
    let _half_open = TcpStream::connect(address).unwrap();
    daemon.until("accepted", |daemon| daemon.status().connections == 2);
    daemon.signal(Signal::TERM);
    bo.expect("[SERVER]: server is shutting down");
    bo.expect_end();
    assert!(daemon.until_ended().success());
}

#[test]
fn a_broken_certificate_does_not_take_the_place_of_a_good_one() {
    let (daemon, address) = daemon();
    let file = |name: &str| daemon.folder.path().join(name);
    let mut bo = Person::secure(&daemon, address);
    bo.join("bo");
    let good = fs::read(file("certificate.pem")).unwrap();
    fs::write(file("certificate.pem"), "nothing").unwrap();
    daemon.signal(Signal::HUP);
    daemon.until_logged("there is no certificate in");
    daemon.until_logged("previous configuration stays in force");
    fs::write(file("certificate.pem"), &good).unwrap();
    Person::secure(&daemon, address).join("cy");
    bo.expect("[SERVER]: cy joined the chat!");
    bo.expect("[SERVER]: cy has disconnected.");
    // A new pair is shown to who comes; who is there stays.
    fs::remove_file(file("certificate.pem")).unwrap();
    fs::remove_file(file("key.pem")).unwrap();
    make_certificate(&daemon.folder);
    let before = daemon.log().matches("read the configuration again").count();
    daemon.signal(Signal::HUP);
    daemon.until("reloaded", |daemon| {
        daemon.log().matches("read the configuration again").count() > before
    });
    Person::secure(&daemon, address).join("di");
    bo.expect("[SERVER]: di joined the chat!");
}

#[test]
fn without_a_certificate_it_says_how_to_make_one() {
    let folder = TempDir::new().unwrap();
    let started =
        command(&folder, "[listen]\nchat = []\ntls = \"127.0.0.1:0\"\n").output().unwrap();
    assert_eq!(started.status.code(), Some(1));
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("cannot read the certificate"), "{log}");
    assert!(log.contains("--make-certificate"), "{log}");
}

#[test]
fn openssl_is_a_client() {
    let (daemon, address) = daemon();
    let mut ann = Person::text(&daemon, "ann");
    let mut openssl = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test needs the program openssl");
    let mut input = openssl.stdin.take().unwrap();
    input.write_all(b"bo\nhello from openssl\n").unwrap();
    ann.expect("[SERVER]: bo joined the chat!");
    ann.expect("bo: hello from openssl");
    input.write_all(b"!quit\n").unwrap();
    ann.expect("[SERVER]: bo has quit.");
    openssl.wait().unwrap();
}

/// chatroom-client at an address, with a home of its own: what it said, and its exit status.
fn client_says(home: &TempDir, args: &[&str]) -> (String, Option<i32>) {
    let mut child = client(args)
        .args(["--name", "bo"])
        .env("XDG_STATE_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where it is refused, it ends before it reads this.
    let _ = child.stdin.take().unwrap().write_all(b"hello\n");
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn the_client_remembers_a_certificate_that_the_system_does_not_trust() {
    let (daemon, address) = daemon();
    let (home, address) = (TempDir::new().unwrap(), address.to_string());
    let mut ann = Person::text(&daemon, "ann");
    let join = |args: &[&str]| client_says(&home, &[&["--tls", &address], args].concat());
    let (said, code) = join(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("The system does not trust the certificate of"), "{said}");
    ann.lines_until("bo: hello");
    let (said, code) = join(&[]);
    assert_eq!((said.contains("does not trust"), code), (false, Some(0)), "{said}");
    for file in ["certificate.pem", "key.pem"] {
        fs::remove_file(daemon.folder.path().join(file)).unwrap();
    }
    let made = make_certificate(&daemon.folder);
    daemon.signal(Signal::HUP);
    daemon.until_logged("read the configuration again");
    let (said, code) = join(&[]);
    assert_eq!(code, Some(1), "{said}");
    let accept = format!("Its certificate is {made} now");
    assert!(said.contains(&accept) && said.contains(&format!("--fingerprint {made}")), "{said}");
    let wrong = format!("sha256:{}", "0".repeat(64));
    let (said, code) = join(&["--fingerprint", &wrong]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("The server shows the certificate {made}, not {wrong}")),
        "{said}"
    );
    assert_eq!(join(&["--fingerprint", &made]).1, Some(0));
    assert_eq!(join(&[]).1, Some(0), "from then on that one is right");
}

#[test]
fn the_client_trusts_whom_the_system_trusts() {
    let (daemon, address) = daemon();
    let home = TempDir::new().unwrap();
    let address = format!("localhost:{}", address.port());
    let roots = daemon.folder.path().join("certificate.pem");
    let mut vouched = client(&["--tls", &address, "--name", "bo"]);
    vouched.env("XDG_STATE_HOME", home.path()).env("SSL_CERT_FILE", roots);
    let vouched = vouched.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(vouched.stderr).unwrap();
    assert_eq!(
        (said.contains("does not trust"), vouched.status.code()),
        (false, Some(0)),
        "{said}"
    );
    let (said, code) = client_says(&home, &["--tls", &address]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("The system no longer trusts its certificate"), "{said}");
}

#[test]
fn the_client_says_where_there_is_no_tls() {
    let (daemon, _) = daemon();
    let home = TempDir::new().unwrap();
    let address = daemon.address.to_string();
    let (said, code) = client_says(&home, &["--tls", &address, "--attempts", "1"]);
    assert_eq!(code, Some(69), "{said}");
    assert!(said.contains("does not speak TLS. Connect without --tls"), "{said}");
}
