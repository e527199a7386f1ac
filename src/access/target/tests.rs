use super::*;

#[test]
fn what_is_neither_a_name_nor_an_address_is_refused_with_what_would_be_right() {
    for (word, advice) in [
        ("10.0.0.*", "10.0.0.0/24"),
        ("10.*.*.*", "10.0.0.0/8"),
        ("10.0.*", "10.0.0.0/16"),
        ("127.0.0", "127.0.0.0/24"),
        ("127.1", "127.1.0.0/16"),
        ("10.0.0.", "10.0.0.0/24"),
        ("10.", "10.0.0.0/8"),
        ("10/8", "10.0.0.0/8"),
        ("10.0/16", "10.0.0.0/16"),
        ("127.0.0.0/33", "from 0 to 32"),
        ("127.0.0.0/", "from 0 to 32"),
        ("127.0.0.0/-1", "from 0 to 32"),
        ("127.0.0.0/8/8", "127.0.0.0/8"),
        ("10.0.0.9/255.255.255.0", "10.0.0.0/24"),
        ("300.1.1.1", "300"),
        ("1.2.3.4.5", "10.0.0.7"),
        ("010.0.0.1", "without a 0"),
        ("10.0.0.1-10.0.0.9", "10.0.0.0/28"),
        ("10.0.0.1-9", "10.0.0.0/28"),
        ("10.0.0.1,10.0.0.2", "one address or network at a time"),
        ("1.2.3.4:5", "1.2.3.4"),
        ("[::1]", "::1"),
        ("[::1]:53000", "::1"),
        ("::1/129", "from 0 to 128"),
        ("2001:db8::*", "2001:db8::"),
        ("2001:db8", "2001:db8::"),
        ("fe80::1%eth0", "fe80::1."),
        ("*", "Masks"),
        ("*!*@10.0.0.1", "Masks"),
        ("nick!user@host", "Masks"),
        ("ann*", "Masks"),
        ("\u{ff11}\u{ff10}.\u{ff10}.\u{ff10}.*", "10.0.0.0/24"),
    ] {
        let problem = Target::parse(word).map(|target| target.to_string());
        let problem = problem.expect_err(word).to_string();
        assert!(problem.contains(advice), "{word}: {problem}");
        assert!(problem.contains("is no name, address or network."), "{problem}");
    }
}

#[test]
fn names_and_addresses_are_told_apart() {
    for (word, shown) in [
        ("10.0.0.7", "10.0.0.7"),
        (" 10.0.0.7/8 ", "10.0.0.0/8"),
        ("::1", "::1"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
    ] {
        let target = Target::parse(word).unwrap();
        assert!(matches!(target, Target::Network(_)), "{word}");
        assert_eq!(target.to_string(), shown);
    }
    for name in ["ann", "42", "v1.2", "Dr.No", "a/b", "x.y.z", "cafe", "ann-2", "example.org"] {
        assert!(matches!(Target::parse(name), Ok(Target::Name(_))), "{name}");
        assert!(!looks_like_address(name), "{name}");
    }
    for name in ["10.0.0.*", "127.0.0", "300.1.1.1", "10.0.0.7", "10/8", "10.0.0.1-9"] {
        assert!(looks_like_address(name), "{name}");
        assert!(matches!(Target::name(name), Target::Name(_)));
    }
    assert!(matches!(Target::from_store("10.0.0.*"), Target::Name(_)));
}

#[test]
fn wide_networks_are_told() {
    for (word, is_wide) in [
        ("0.0.0.0/0", true),
        ("10.0.0.0/8", true),
        ("10.1.0.0/16", false),
        ("::/0", true),
        ("2001:db8::/31", true),
        ("2001:db8::/32", false),
        ("::ffff:0.0.0.0/96", true),
        ("ann", false),
    ] {
        assert_eq!(Target::parse(word).unwrap().is_wide(), is_wide, "{word}");
    }
}
