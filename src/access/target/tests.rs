use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::looks_like_address;
use super::*;

#[test]
fn what_is_neither_a_name_nor_an_address_is_refused_with_what_would_be_right() {
    for (word, advice) in [
        ("10.0.0.*", "10.0.0.0/24"),
        ("10.*.*.*", "10.0.0.0/8"),
        ("10.0.*", "10.0.0.0/16"),
        ("10.0.0.?", "10.0.0.0/24"),
        ("10.0.0.x", "10.0.0.0/24"),
        ("10.0.0.[1-9]", "10.0.0.0/24"),
        ("127.0.0", "127.0.0.0/24"),
        ("127.1", "127.1.0.0/16"),
        ("10.0.0.", "10.0.0.0/24"),
        ("10.", "10.0.0.0/8"),
        ("10/8", "10.0.0.0/8"),
        ("10.0/16", "10.0.0.0/16"),
        ("127.0.0.0/33", "between 0 and 32"),
        ("10.0.0.1/", "Write 10.0.0.1 for the address"),
        ("127.0.0.0/-1", "between 0 and 32"),
        ("127.0.0.0/+8", "between 0 and 32"),
        ("127.0.0.0/ 8", "between 0 and 32"),
        ("127.0.0.0/08", "Write 127.0.0.0/8."),
        ("127.0.0.0/8/8", "127.0.0.0/8"),
        ("10.0.0.5/8", "write 10.0.0.0/8 for the network, or 10.0.0.5 for the address"),
        ("10.0.0.5/0", "write 0.0.0.0/0 for the network"),
        ("2001:db8::7/32", "write 2001:db8::/32 for the network, or 2001:db8::7"),
        ("::ffff:10.0.0.5/104", "write 10.0.0.0/8 for the network"),
        ("::ffff:1.2.3.4/200", "between 0 and 128"),
        ("10.0.0.9/255.255.255.0", "10.0.0.0/24"),
        ("10.0.0.9/255.0.255.0", "between 0 and 32"),
        ("300.1.1.1", "300"),
        ("1.2.3.4.5", "10.0.0.7"),
        ("010.0.0.1", "without leading zeros: 10.0.0.1"),
        ("10.0.0.01", "without leading zeros: 10.0.0.1"),
        ("10.00.0.1/8", "without leading zeros"),
        ("0x7f.0.0.1", "10.0.0.7"),
        ("10.0.0.1-10.0.0.9", "10.0.0.0/28"),
        ("10.0.0.9-10.0.0.1", "10.0.0.0/28"),
        ("10.0.0.1-9", "10.0.0.0/28"),
        ("10.0.0.1,10.0.0.2", "one address or network at a time: 10.0.0.1"),
        ("10.0.0.0/8;11.0.0.0/8", "one address or network at a time: 10.0.0.0/8"),
        ("1.2.3.4:53000", "Leave the port out: 1.2.3.4."),
        ("[::1]", "::1"),
        ("[::1]:53000", "::1"),
        ("[2001:db8::/32]", "2001:db8::/32"),
        ("::1/129", "between 0 and 128"),
        ("fe80::/200", "between 0 and 128"),
        ("2001:db8::*", "2001:db8::"),
        ("2001:db8", "2001:db8::"),
        ("2001:db8::1-2001:db8::9", "2001:db8::"),
        ("fe80::1%eth0", "fe80::1."),
        ("*", "Masks"),
        ("*!*@10.0.0.1", "Masks"),
        ("user@10.0.0.1", "Masks"),
        ("nick!user@host", "Masks"),
        ("nick!*@*", "Masks"),
        ("*@host", "Masks"),
        ("ann*", "Masks"),
        ("\u{ff11}\u{ff10}.\u{ff10}.\u{ff10}.*", "10.0.0.0/24"),
        ("\u{ff11}\u{ff10}.0.0.1", "Write 10.0.0.1."),
        ("10.0.0.1\u{200b}", "Write 10.0.0.1."),
        ("10.0.0.*\u{202e}", "10.0.0.0/24"),
    ] {
        let problem = Target::parse(word).map(|target| target.to_string());
        let problem = problem.expect_err(word).to_string();
        assert!(problem.contains(advice), "{word}: {problem}");
        assert!(problem.contains("is not a name, an address or a network."), "{problem}");
    }
}

#[test]
fn names_and_addresses_are_told_apart() {
    for (word, shown) in [
        ("10.0.0.7", "10.0.0.7"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("10.0.0.7/32", "10.0.0.7"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::1", "::1"),
        ("::/0", "::/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ] {
        let target = Target::parse(word).unwrap();
        assert!(matches!(target, Target::Network(_)), "{word}");
        assert_eq!(target.to_string(), shown);
        assert!(is_no_name(word).is_some_and(|problem| problem.contains("Give a name")), "{word}");
    }
    for name in ["ann", "42", "v1.2", "Dr.No", "a/b", "x.y.z", "cafe", "ann-2", "example.org"] {
        assert!(matches!(Target::parse(name), Ok(Target::Name(_))), "{name}");
        assert!(!looks_like_address(name), "{name}");
        assert_eq!(is_no_name(name), None);
    }
    for name in ["10.0.0.*", "127.0.0", "300.1.1.1", "10.0.0.7", "10/8", "10.0.0.1-9", "10.0.0.5/8"]
    {
        assert!(looks_like_address(name), "{name}");
        assert!(matches!(Target::name(name), Target::Name(_)));
    }
}

#[test]
fn what_was_stored_is_read_by_the_rules_of_then() {
    assert!(matches!(Target::from_store("10.0.0.*"), Target::Name(_)));
    assert_eq!(Target::from_store("10.0.0.5/8"), Target::parse("10.0.0.0/8").unwrap());
}

#[test]
fn wide_networks_are_told() {
    for (word, is_wide) in [
        ("0.0.0.0/0", true),
        ("10.0.0.0/8", true),
        ("10.0.0.0/15", true),
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

proptest! {
    #![proptest_config(ProptestConfig {
        // The variable PROPTEST_CASES counts more.
        cases: 2000,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The displayed form of a target parses to the same target, and no name looks like an address.
    #[test]
    fn a_target_is_read_back_as_it_is_shown(word in "[0-9.:/*\\-a-f@!\\[\\]%, \u{200b}１]{0,12}|.{0,12}") {
        if let Ok(target) = Target::parse(&word) {
            let shown = target.to_string();
            prop_assert_eq!(Target::parse(&shown), Ok(target.clone()));
            prop_assert_eq!(looks_like_address(&shown), matches!(target, Target::Network(_)));
        }
    }
}
