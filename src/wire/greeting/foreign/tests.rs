use super::*;

#[test]
fn other_protocols_are_recognised_by_their_first_line() {
    for (line, foreign) in [
        ("GET / HTTP/1.1", Foreign::Http),
        ("get / http/1.1", Foreign::Http),
        ("  GET\t/  HTTP/1.1 \r", Foreign::Http),
        ("GET /a b HTTP/1.1", Foreign::Http),
        ("GET / HTTP/1.1 please", Foreign::Http),
        ("GET  HTTP/1", Foreign::Http),
        ("GET /", Foreign::Http),
        ("M-SEARCH * HTTP/1.1", Foreign::Http),
        ("BREW pot HTTP/1.0", Foreign::Http),
        ("CONNECT example.org:443 HTTP/1.1", Foreign::Http),
        ("HTTP/1.1 200 OK", Foreign::Http),
        ("PRI * HTTP/2.0", Foreign::Http),
        ("SSH-2.0-OpenSSH_9.2p1", Foreign::Ssh),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2", Foreign::Ssh),
        ("SSH-1.99-x", Foreign::Ssh),
        ("EHLO mail.example", Foreign::Smtp),
        ("helo x", Foreign::Smtp),
        ("EHLO", Foreign::Smtp),
        ("USER ann", Foreign::Ftp),
        ("USER ann 0 * :Ann", Foreign::Irc),
        ("NICK ann", Foreign::Irc),
        ("CAP LS 302", Foreign::Irc),
        ("OPTIONS sip:nm SIP/2.0", Foreign::Sip),
        ("OPTIONS rtsp://x/ RTSP/1.0", Foreign::Rtsp),
        ("*1", Foreign::Redis),
        ("PING", Foreign::Redis),
        ("SET a b", Foreign::Redis),
        ("set a 0 0 5", Foreign::Memcached),
        ("stats", Foreign::Memcached),
        ("a001 LOGIN x y", Foreign::Imap),
        ("<?xml version='1.0'?>", Foreign::Xml),
        ("<policy-file-request/>", Foreign::Xml),
        ("CONNECT", Foreign::Stomp),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2", Foreign::Proxy),
        ("PROXY UNKNOWN", Foreign::Proxy),
        ("Content-Type: text/plain", Foreign::Unknown),
        ("Host: x", Foreign::Unknown),
        ("0033git-upload-pack /x.git", Foreign::Unknown),
        ("RFB 003.008", Foreign::Unknown),
    ] {
        assert_eq!(Foreign::of_line(line), Some(foreign), "{line}");
    }
    for line in [
        "",
        "ann",
        "GET",
        "Ping",
        "Ann B",
        "I like HTTP/2",
        "ann: hello",
        "get up",
        "set",
        "a1 and more",
        "$x",
        "Jo-Ann",
        "add me",
        "!quit",
        "&",
    ] {
        assert_eq!(Foreign::of_line(line), None, "{line}");
    }
}

#[test]
fn a_line_without_an_end_is_recognised_as_far_as_it_goes() {
    assert_eq!(Foreign::of_beginning("POST /aaaaa"), Some(Foreign::Http));
    assert_eq!(Foreign::of_beginning("PROXY TCP4 1"), Some(Foreign::Proxy));
    assert_eq!(Foreign::of_beginning("post"), None);
    for line in ["G", "PO", "post", "POST", "FOO", "ehl", "foo bar"] {
        assert!(may_become_foreign(line), "{line}");
    }
    for line in ["ann", "Bo", "gert", "Caprice"] {
        assert!(!may_become_foreign(line), "{line}");
    }
}
