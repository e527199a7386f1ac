//! Who has come to the wrong port, and whose terminal negotiates; and names that deceive.

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};

#[test]
fn other_protocols_are_sent_away_at_once() {
    let daemon = Daemon::start();
    for (greeting, protocol) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
    ] {
        let mut person = Person::connect_to(daemon.address);
        person.expect(PROMPT);
        person.send(greeting);
        let farewell =
            format!("[SERVER]: This port is for the chat, and does not speak {protocol}.");
        let line = person.line().unwrap();
        assert!(line.starts_with(&farewell), "{line}");
        person.expect_end();
    }
    daemon.until("counted", |daemon| daemon.status().ended.get("foreign") == Some(&3));
}

#[test]
fn a_telnet_client_can_take_part() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::connect(&daemon);
    bo.send(b"\xff\xfd\x03\xff\xfb\x18");
    bo.send(b"bo\r\n");
    bo.expect("[SERVER]: Welcome bo! To leave chat write !quit.");
    bo.send(b"hello \xff\xf1there\r\n");
    ann.expect("[SERVER]: bo joined the chat!");
    ann.expect("bo: hello there");
}

#[test]
fn a_name_that_looks_like_another_one_is_refused() {
    let daemon = Daemon::start();
    let _evan = Person::text(&daemon, "Evan1");
    let mut other = Person::connect(&daemon);
    for (name, refusal) in [
        ("evanl", "That name looks like Evan1, which is taken. Choose another name."),
        (
            "еvan",
            "A name has no letters of several alphabets that look alike. Choose another name.",
        ),
        (
            "sеrvеr",
            "A name has no letters of several alphabets that look alike. Choose another name.",
        ),
        ("Adm1n", "That name is kept for the server. Choose another name."),
        ("ev\u{200b}an", "A name has only characters that can be seen. Choose another name."),
    ] {
        other.say(name);
        other.expect(&format!("[SERVER]: {refusal}"));
    }
    other.say("EvanII");
    other.expect("[SERVER]: Welcome EvanII! To leave chat write !quit.");
}
