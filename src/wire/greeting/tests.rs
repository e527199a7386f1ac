use super::*;

/// The verdict on bytes that are complete, after which the client sends no more.
fn finally(bytes: &[u8]) -> Option<Foreign> {
    match judge(bytes) {
        Verdict::Foreign(foreign) | Verdict::Wait(_, Some(foreign)) => Some(foreign),
        Verdict::Ours | Verdict::Wait(_, None) => None,
    }
}

/// Byte by byte the answer is the same, and never "ours" before.
#[track_caller]
fn check_foreign(bytes: &[u8], expect: Foreign) {
    assert_eq!(finally(bytes), Some(expect), "{bytes:?}");
    for end in 1..bytes.len() {
        match judge(&bytes[..end]) {
            Verdict::Ours => panic!("{:?} counts as ours", &bytes[..end]),
            Verdict::Foreign(_) => return,
            Verdict::Wait(..) => {}
        }
    }
}

#[test]
fn other_protocols_are_told_however_they_arrive() {
    for (bytes, foreign) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], Foreign::Http),
        (b"\r\nGET / HTTP/1.1\r\n", Foreign::Http),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Foreign::Http),
        (b"\x16\x03\x01\x02\x00", Foreign::Tls),
        (b"SSH-2.0-x\r\n", Foreign::Ssh),
        (b"\xef\xbb\xbfNICK ann\r\n", Foreign::Irc),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", Foreign::Postgres),
        (b"\0\0\0\x29\0\x03\0\0user\0ann\0\0", Foreign::Postgres),
        (b"\0\0\0\x45\xfeSMB", Foreign::Binary),
        (b"\x05\x01\0", Foreign::Binary),
        (b"\x10\x16\0\x04MQTT\x04", Foreign::Binary),
        (b"0\x0c\x02\x01\x01`\x07\x02", Foreign::Binary),
        (b"AMQP\0\0\x09\x01", Foreign::Binary),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nann\r\n", Foreign::Proxy),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Foreign::Proxy),
        (b"*1\r\n$4\r\nPING\r\n", Foreign::Redis),
        (b"PING\r\n", Foreign::Redis),
        (b"\xff\xfea\0n\0n\0\n\0", Foreign::Utf16),
        (b"\xfe\xff\0a\0n\0n\0\n", Foreign::Utf16),
        (b"a\0n\0n\0\n\0", Foreign::Utf16),
        (b"\0a\0n\0n\0\n", Foreign::Utf16),
        (b"{\0\"\0t\0", Foreign::Utf16),
        (b"\0{\0\"\0t", Foreign::Utf16),
    ] {
        check_foreign(bytes, foreign);
    }
}

#[test]
fn a_first_line_is_bounded() {
    let mut post = b"POST /".to_vec();
    post.extend([b'a'; 20_000]);
    check_foreign(&post, Foreign::Http);
    post.extend(b" HTTP/1.1\r\nHost: x\r\n\r\nevil\nhello\n");
    check_foreign(&post, Foreign::Http);
    check_foreign(&[b'a'; MAX_FIRST_LINE + 1], Foreign::TooLong);
    check_foreign(&[b'\n'; MAX_FIRST_LINE + 1], Foreign::TooLong);
    let mut long = vec![b'a'; MAX_FIRST_LINE + 1];
    long.push(b'\n');
    check_foreign(&long, Foreign::TooLong);
}

#[test]
fn what_every_reader_of_text_passes_over_does_not_decide() {
    for bytes in [
        &b"{\""[..],
        b"\xef\xbb\xbf{",
        b"\r\n \t{",
        b"\xff\xfb\x18\xef\xbb\xbf{",
        b"\xef\xbb\xbf\xff\xfb\x18{",
        b"ann\n",
        b"ann\r\0",
        b"ann\0",
        b"\xef\xbb\xbfann\r\n",
        b"\xff\xfd\x03\xff\xfa\x1f\0\x50\0\x0a\xff\xf0ann\r\n",
        b"&\n",
        b"two words\n",
        b"caf\xe9\n",
        b"\x1b[Aann\n",
    ] {
        assert_eq!(judge(bytes), Verdict::Ours, "{bytes:?}");
    }
    for bytes in
        [&b""[..], b"\r\n", b"\xef\xbb", b"ann", b"&", b"{", b"\xff\xfd\x03", b"\xff\xfe\x01"]
    {
        assert_eq!(judge(bytes), Verdict::Wait(PAUSE, None), "{bytes:?}");
    }
    assert_eq!(judge(b"GE"), Verdict::Wait(LONG_PAUSE, None));
    assert_eq!(judge(b"GET /x"), Verdict::Wait(LONG_PAUSE, Some(Foreign::Http)));
}
