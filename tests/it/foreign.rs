//! Clients of other protocols, terminals that negotiate, and deceptive names.

use std::time::Duration;

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};

const HTTP: &str = "[SERVER]: This port is for the chat, and does not speak HTTP.";

/// Reads what is left and gives it as lines, without the prompt.
#[track_caller]
fn farewell(person: &mut Person) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = person.line() {
        lines.push(line.trim_end().to_owned());
    }
    assert_eq!(lines.first().map(String::as_str), Some(PROMPT), "{lines:?}");
    lines.split_off(1)
}

/// A request that a web page can send, with names and messages in its body.
fn post(first_line: &str) -> Vec<u8> {
    format!(
        "{first_line}\r\nHost: 127.0.0.1:53000\r\nContent-Type: text/plain\r\n\r\nevil\nhello all\n"
    )
    .into_bytes()
}

/// Sends it, and checks that no user joins.
#[track_caller]
fn check_sent_away(daemon: &Daemon, pieces: &[&[u8]], says: &str) {
    let mut person = Person::connect_to(daemon.address);
    for piece in pieces {
        // The other side may have closed before the last of it.
        if std::io::Write::write_all(&mut person.stream, piece).is_err() {
            break;
        }
    }
    let lines = farewell(&mut person);
    assert!(lines.iter().any(|line| line.contains(says)), "{says}: {lines:?}");
    assert!(!lines.iter().any(|line| line.contains("Welcome")), "{lines:?}");
    assert!(daemon.users().is_empty(), "somebody has come of {pieces:?}");
}

#[test]
fn other_protocols_are_sent_away_at_once() {
    let daemon = Daemon::start();
    let speaks = |protocol: &str| format!("does not speak {protocol}");
    let all: &[(&[u8], &str)] = &[
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"get / http/1.1\r\nhost: x\r\n\r\nevil\n", "HTTP"),
        (b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
        (b"BREW /pot HTCPCP/1.0 HTTP/1.1\r\n\r\nevil\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\nevil\r\n", "SSH"),
        (b"EHLO mail.example\r\nevil\r\n", "SMTP"),
        (b"USER ann\r\nevil\r\n", "FTP or POP3"),
        (b"NICK ann\r\nUSER ann 0 * :Ann\r\nevil\r\n", "IRC yet"),
        (b"CAP LS 302\r\nNICK ann\r\n", "IRC yet"),
        (b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP"),
        (b"OPTIONS sip:nm SIP/2.0\r\nVia: x\r\n\r\n", "SIP"),
        (b"*1\r\n$4\r\nPING\r\n", "the protocol of Redis"),
        (b"PING\r\nevil\r\n", "the protocol of Redis"),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", "the protocol of PostgreSQL"),
        (b"\x20\0\0\x01\x85\xa6\xff\x01\0\0\0\x01evil\n", "that binary protocol"),
        (b"\x05\x01\0", "that binary protocol"),
        (b"Content-Length: 5\r\n\r\nevil\n", "that protocol"),
    ];
    for (greeting, protocol) in all {
        check_sent_away(&daemon, &[greeting], &speaks(protocol));
    }
    let other: &[(&[u8], &str)] = &[
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nevil\r\n", "proxy_protocol in [listen]"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c123456789012evil\n", "proxy_protocol in [listen]"),
        (b"\xff\xfea\0n\0n\0\n\0", "takes UTF-8"),
        (b"e\0v\0i\0l\0\n\0", "takes UTF-8"),
        (b"not a name\nevil\nhello\n", "wait for the answer to the name"),
        (b"x\nevil\nhello\n", "wait for the answer to the name"),
    ];
    for (greeting, says) in other {
        check_sent_away(&daemon, &[greeting], says);
    }
    let count = (all.len() + other.len()) as u64;
    daemon.until("counted", |daemon| daemon.status().ended.get("foreign") == Some(&count));
}

#[test]
fn a_web_page_cannot_talk_however_its_request_arrives() {
    let daemon = Daemon::start();
    let says = "does not speak HTTP";
    for length in [10, 4_000, 16_300, 20_000, 40_000, 200_000] {
        let request = post(&format!("POST /{} HTTP/1.1", "a".repeat(length)));
        check_sent_away(&daemon, &[&request], says);
        let (beginning, rest) = request.split_at(length / 2);
        check_sent_away(&daemon, &[beginning, rest], says);
    }
    let request = post("POST / HTTP/1.1");
    check_sent_away(&daemon, &request.chunks(1).collect::<Vec<_>>(), says);
    let unknown = post(&format!("QUERY {}", "a".repeat(40_000)));
    check_sent_away(&daemon, &[&unknown], "The first line is longer than any name");
}

#[test]
fn a_request_that_comes_slowly_is_no_piece_of_the_script() {
    let daemon = Daemon::start();
    let mut person = Person::connect(&daemon);
    for piece in ["POST", " / HT", "TP/1.1\r\n"] {
        person.send(piece.as_bytes());
        // Longer than it takes until the input of the script client counts as a name.
        std::thread::sleep(Duration::from_millis(400));
    }
    person.expect("HTTP/1.1 400 Bad Request\r");
    let head: Vec<String> = person.lines_until("\r");
    let length = format!("Content-Length: {}\r", HTTP.len() + 1);
    assert!(head.contains(&length) && head.contains(&"Connection: close\r".to_owned()), "{head:?}");
    person.expect(HTTP);
    person.expect_end();
}

#[test]
fn marks_and_line_ends_of_other_systems_do_not_decide_the_dialect() {
    let daemon = Daemon::start();
    let hello = r#"{"type":"hello","protocol":1,"name":"jay"}"#;
    for before in ["\u{feff}", "\r\n\n  \u{feff}", "\0", " \t"] {
        let mut jay = Person::connect(&daemon);
        jay.send(before.as_bytes());
        // A JSON object is no piece of the script, whatever stands before it.
        jay.send(hello.as_bytes());
        jay.send(b"\n");
        while !jay.line().expect("a welcome").contains("\"type\":\"welcome\"") {}
        jay.say("\u{feff}{\"type\":\"ping\",\"id\":\"1\"}");
        assert_eq!(jay.event("pong")["id"], "1");
        jay.send(b"{\"type\":\xff\xfb\x01\"ping\",\"id\":\"2\"}\r\0");
        assert_eq!(jay.event("pong")["id"], "2");
        jay.say(r#"{"type":"quit"}"#);
        while jay.line().is_some() {}
        daemon.until("gone", |daemon| daemon.users().is_empty());
    }
    for name in [
        &b"\xef\xbb\xbfbo\n"[..],
        b"bo\r\0",
        b"bo\0",
        b"bo\r\r\n",
        b"\xef\xbb\xbf bo \r\n",
        b"\xff\xfd\x03\xef\xbb\xbfbo\r\n",
        b"\xff\xfa\x1f\0\x50\0\x0a\xff\xf0b\xff\xf1o\r\n\0",
        b"bo\0\0\0",
        "bo\u{2028}\n".as_bytes(),
        "\u{85}bo\u{2029}\n".as_bytes(),
    ] {
        let mut bo = Person::connect(&daemon);
        bo.send(name);
        let line = bo.line();
        assert_eq!(
            line.as_deref(),
            Some("[SERVER]: Welcome bo! To leave chat write !quit."),
            "{name:?}"
        );
        bo.send("\u{feff}!who\r\0".as_bytes());
        bo.expect("[SERVER]: 1 person is here: bo");
        bo.say("!quit");
        bo.expect_end();
        daemon.until("gone", |daemon| daemon.users().is_empty());
    }
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
