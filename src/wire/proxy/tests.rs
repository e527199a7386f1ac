use super::*;

const V4_ADDRESSES: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x9c, 0x40, 0xcf, 0x08];

/// A header of version 2.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [PROXY_V2, &[command, family], &length, rest].concat()
}

fn v6_addresses(source: &str) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    [&source.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0x9c, 0x40, 0xcf, 0x08]].concat()
}

/// Checks that a header ends in the same place whatever follows it, and that no prefix of it is
/// complete.
#[track_caller]
fn check(header: &[u8], client: Option<&str>) {
    let client = client.map(|it| it.parse().unwrap());
    let expect = Ok(Progress::Complete(Header { length: header.len(), client }));
    for end in 0..header.len() {
        assert_eq!(read(&header[..end]), Ok(Progress::Incomplete), "the first {end} bytes");
    }
    for behind in [&b""[..], b"ann\nhello\n", b"\x16\x03\x01", b"PROXY UNKNOWN\r\n", b"\r\n"] {
        assert_eq!(read(&[header, behind].concat()), expect);
    }
}

#[test]
fn headers_end_where_they_end_and_name_the_client() {
    check(b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 53000\r\n", Some("192.0.2.7:40000"));
    check(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", Some("255.255.255.255:65535"));
    check(b"PROXY TCP6 2001:db8::7 ::1 40000 53000\r\n", Some("[2001:db8::7]:40000"));
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest = format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n");
    check(longest.as_bytes(), Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"));
    check(b"PROXY UNKNOWN\r\n", None);
    check(b"PROXY UNKNOWN ffff::1 whatever else 1 2 3\r\n", None);
    let full = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_V1 - 16));
    assert_eq!(full.len(), MAX_V1);
    check(full.as_bytes(), None);
    check(&v2(0x21, 0x11, &V4_ADDRESSES), Some("192.0.2.7:40000"));
    check(&v2(0x21, 0x21, &v6_addresses("2001:db8::7")), Some("[2001:db8::7]:40000"));
    // With extensions, such as ALPN, after the addresses.
    let extended = [&V4_ADDRESSES[..], &[1, 0, 3, b'a', b'b', b'c'], &[0x20; 400]].concat();
    check(&v2(0x21, 0x11, &extended), Some("192.0.2.7:40000"));
    check(&v2(0x20, 0x00, &[]), None);
    // A proxy that speaks for itself is believed nothing else.
    for (family, rest) in [(0x11, &V4_ADDRESSES[..]), (0x11, b"short"), (0xff, b"anything")] {
        check(&v2(0x20, family, rest), None);
    }
    check(&v2(0x21, 0x00, &[]), None);
    check(&v2(0x21, 0x00, b"of no meaning"), None);
    check(&v2(0x21, 0x31, &[0; 216]), None);
    check(
        &v2(0x21, 0x11, &[V4_ADDRESSES.as_slice(), &[0; 4096 - 16 - 12]].concat()),
        Some("192.0.2.7:40000"),
    );
}

#[test]
fn what_is_no_header_is_said_as_soon_as_it_shows() {
    for bytes in [
        &b"ann\n"[..],
        b"PROXX",
        b"proxy TCP4 192.0.2.7 10.0.0.1 40000 53000\r\n",
        b" PROXY UNKNOWN\r\n",
        b"PROXY\r\n",
        b"PROXY\tUNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIX",
        b"\r\nann\n",
        b"\n",
        b"{",
        b"\x16\x03\x01",
        b"\xef\xbb\xbfPROXY UNKNOWN\r\n",
    ] {
        assert_eq!(read(bytes), Err(HeaderProblem::Missing), "{bytes:?}");
    }
}

#[track_caller]
fn check_malformed(bytes: &[u8], part: &str) {
    match read(bytes) {
        Err(HeaderProblem::Malformed(why)) => assert!(why.contains(part), "{why}: {bytes:?}"),
        other => panic!("{other:?} for {bytes:?}"),
    }
}

#[test]
fn a_malformed_header_is_explained() {
    for line in [
        "PROXY TCP4 192.0.2.7 10.0.0.1 40000",
        "PROXY TCP4 192.0.2.7 10.0.0.1 40000 53000 1",
        "PROXY TCP4 192.0.2.7 10.0.0.1 40000 53000 ",
        "PROXY TCP4  192.0.2.7 10.0.0.1 40000 53000",
        "PROXY TCP4",
    ] {
        check_malformed(format!("{line}\r\n").as_bytes(), "two addresses and two ports");
    }
    for line in [
        "PROXY TCP4 ::1 10.0.0.1 40000 53000",
        "PROXY TCP6 192.0.2.7 10.0.0.1 40000 53000",
        "PROXY TCP4 192.0.2.256 10.0.0.1 40000 53000",
        "PROXY TCP4 192.0.2.07 10.0.0.1 40000 53000",
        "PROXY TCP4 192.0.2.7 localhost 40000 53000",
        "PROXY TCP6 fe80::1%eth0 ::1 40000 53000",
    ] {
        check_malformed(format!("{line}\r\n").as_bytes(), "of the addresses");
    }
    for port in ["65536", "-1", "+1", "01", "", "x", "1\0"] {
        let line = format!("PROXY TCP4 192.0.2.7 10.0.0.1 {port} 53000\r\n");
        check_malformed(line.as_bytes(), "of the ports");
    }
    for line in ["PROXY ", "PROXY TCP", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2", "PROXY unknown"] {
        check_malformed(format!("{line}\r\n").as_bytes(), "neither TCP4, TCP6 nor UNKNOWN");
    }
    check_malformed(b"PROXY UNKNOWN\n", "CR LF");
    check_malformed(b"PROXY UNKNOWN\n\r\n", "CR LF");
    check_malformed(b"PROXY TCP4 \xff\r\n", "not ASCII");
    check_malformed(format!("PROXY UNKNOWN {}", "x".repeat(107)).as_bytes(), "107 bytes");
    let over = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_V1 - 15));
    check_malformed(over.as_bytes(), "107 bytes");
    for command in [0x00, 0x11, 0x22, 0x2f, 0x31] {
        // The rest is not waited for.
        check_malformed(&v2(command, 0x11, &V4_ADDRESSES)[..13], "version or command");
    }
    for family in [0x12, 0x22, 0x32, 0x01, 0x10, 0x41, 0xff] {
        check_malformed(&v2(0x21, family, &[0; 216]), "not TCP");
    }
    check_malformed(&v2(0x21, 0x11, &V4_ADDRESSES[..11]), "too short");
    check_malformed(&v2(0x21, 0x21, &[0; 35]), "too short");
    // The bound is checked before the rest has come.
    check_malformed(&v2(0x21, 0x11, &[0; 4096 - 15])[..16], "4096 bytes");
    check_malformed(&v2(0x20, 0x00, &[0; 65_535])[..16], "4096 bytes");
}
