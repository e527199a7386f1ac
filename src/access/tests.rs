use super::*;
use crate::lookalike::look;

const NOW: Timestamp = Timestamp::constant(1_795_381_445, 0);

fn later(seconds: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_secs(seconds)
}

fn ban(target: &str, until: Option<Timestamp>) -> Change {
    let (target, term) = (Target::from_store(target), Term { until, reason: None });
    let by = "uid 0".to_owned();
    Change::PutSanction(Sanction { kind: SanctionKind::Ban, target, term, made: NOW, by })
}

fn registry(changes: &[Change]) -> Registry {
    let mut registry = Registry::default();
    changes.iter().for_each(|change| registry.apply(change.clone()));
    registry
}

fn account(name: &str) -> Change {
    let account = Account {
        name: name.to_owned(),
        hash: format!("of {name}"),
        is_operator: true,
        is_locked: false,
        made: NOW,
        renewed: NOW,
    };
    Change::PutAccount { account, renews: true }
}

#[track_caller]
fn check(registry: &Registry, name: &str, address: &str, now: Timestamp, is_banned: bool) {
    let address = Some(address.parse().unwrap());
    let found = registry.sanctions.against(SanctionKind::Ban, Some(name), address, now);
    assert_eq!(found.is_some(), is_banned, "{name} {address:?}");
}

#[test]
fn a_ban_is_against_a_name_an_address_or_a_network() {
    let registry = registry(&[
        ban("Eve", None),
        ban("10.0.0.7", Some(later(60))),
        ban("192.168.3.9/16", None),
        ban("2001:db8::/32", None),
        ban("::ffff:172.16.0.0/108", None),
    ]);
    check(&registry, "EVE", "127.0.0.1", NOW, true);
    check(&registry, "ann", "127.0.0.1", NOW, false);
    check(&registry, "ann", "10.0.0.7", NOW, true);
    check(&registry, "ann", "::ffff:10.0.0.7", NOW, true);
    check(&registry, "ann", "10.0.0.7", later(60), false);
    check(&registry, "ann", "192.168.200.1", NOW, true);
    check(&registry, "ann", "192.169.0.1", NOW, false);
    check(&registry, "ann", "2001:db8:5::1", NOW, true);
    check(&registry, "ann", "172.16.9.9", NOW, true);
    let shown: Vec<_> =
        registry.sanctions.in_force(NOW).iter().map(|it| it.target.to_string()).collect();
    for target in ["EVE", "192.168.0.0/16"].map(Target::from_store) {
        assert!(registry.sanctions.get(SanctionKind::Ban, &target, NOW).is_some());
        assert!(registry.sanctions.get(SanctionKind::Mute, &target, NOW).is_none());
    }
    let inside = Target::from_store("192.168.3.0/24");
    assert!(registry.sanctions.get(SanctionKind::Ban, &inside, NOW).is_none(), "it is another");
    let all = ["10.0.0.7", "172.16.0.0/12", "192.168.0.0/16", "2001:db8::/32", "Eve"];
    assert_eq!(shown, all);
}

#[test]
fn one_sanction_of_a_kind_against_one_target() {
    let mut registry = registry(&[ban("eve", Some(later(5))), ban("EVE", Some(later(9)))]);
    assert_eq!(registry.sanctions.in_force(NOW).len(), 1);
    check(&registry, "eve", "127.0.0.1", later(6), true);
    registry.apply(Change::RemoveSanction(SanctionKind::Mute, Target::from_store("eve")));
    assert_eq!(registry.sanctions.in_force(NOW).len(), 1);
    let before = registry.clone();
    registry.expire(later(9));
    assert_eq!(registry.sanctions.in_force(NOW).len(), 0);
    assert_eq!(before.sanctions.in_force(NOW).len(), 1, "a copy stays as it is");
    let mut registry = before;
    registry.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store("eve")));
    assert_eq!(registry.sanctions.in_force(NOW).len(), 0);
}

#[test]
fn a_network_is_found_among_those_of_its_length() {
    let mut registry = registry(&[ban("10.0.0.0/8", Some(later(1))), ban("11.0.0.0/8", None)]);
    registry.expire(later(1));
    check(&registry, "ann", "10.0.0.1", NOW, false);
    check(&registry, "ann", "11.0.0.1", NOW, true);
    registry.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store("11.0.0.0/8")));
    check(&registry, "ann", "11.0.0.1", NOW, false);
    registry.apply(ban("0.0.0.0/0", None));
    check(&registry, "ann", "11.0.0.1", NOW, true);
    check(&registry, "ann", "2001:db8::1", NOW, false);
}

#[test]
fn a_name_with_an_account_needs_its_password_in_every_mode() {
    let registry = registry(&[account("Ann1")]);
    for mode in [Mode::Open, Mode::Password, Mode::Accounts] {
        assert_eq!(registry.requirement("ann1", mode), Requirement::AccountPassword);
    }
    assert_eq!(registry.requirement("bo", Mode::Open), Requirement::Nothing);
    assert_eq!(registry.requirement("bo", Mode::Password), Requirement::RoomPassword);
    assert_eq!(registry.requirement("bo", Mode::Accounts), Requirement::AccountPassword);
    let proof = Proof::Account("of Ann1".to_owned());
    assert!(registry.is_enough(&proof, "ANN1", Mode::Open));
    let wrong = [Proof::None, Proof::Room("of Ann1".to_owned()), Proof::Account(String::new())];
    for proof in &wrong {
        assert!(!registry.is_enough(proof, "ann1", Mode::Open), "{proof:?}");
    }
    assert!(registry.may_stay("ann1", NOW) && !registry.may_stay("annl", later(1)));
    assert!(!registry.may_stay("ann1", later(-1)), "they came before the account was made");
    assert!(registry.account("annl").is_none(), "it is another name");
    assert!(registry.account_that_looks_like("annl").is_some(), "that looks the same");
    assert!(registry.is_operator("ANN1"));
}

#[test]
fn a_term_is_told_with_its_end_and_its_reason() {
    let term = |until, reason: Option<&str>| Term { until, reason: reason.map(str::to_owned) };
    let shown = term(Some(later(0)), Some("too loud")).to_string();
    assert_eq!(shown, " until 2026-11-22 21:04 UTC: too loud");
    assert_eq!(term(None, None).to_string(), ".");
}

#[test]
fn the_room_password_is_enough_for_a_name_without_an_account() {
    let mut registry = registry(&[Change::SetRoomHash(Some("of the room".to_owned()))]);
    let right = Proof::Room("of the room".to_owned());
    assert!(registry.is_enough(&right, "bo", Mode::Password));
    assert!(!registry.is_enough(&right, "bo", Mode::Accounts));
    for wrong in [Proof::None, Proof::Room("old".to_owned()), Proof::Account("of the room".into())]
    {
        assert!(!registry.is_enough(&wrong, "bo", Mode::Password), "{wrong:?}");
        assert!(registry.is_enough(&wrong, "bo", Mode::Open), "{wrong:?}");
    }
    registry.apply(Change::SetRoomHash(None));
    assert!(!registry.is_enough(&right, "bo", Mode::Password), "there is none any more");
}

#[test]
fn an_operator_has_an_account_that_says_so_and_is_not_locked() {
    let with = |is_operator, is_locked| {
        let Change::PutAccount { mut account, renews } = account("ann1") else { panic!() };
        (account.is_operator, account.is_locked) = (is_operator, is_locked);
        registry(&[Change::PutAccount { account, renews }])
    };
    for (is_operator, is_locked, is_one) in
        [(true, false, true), (true, true, false), (false, false, false), (false, true, false)]
    {
        let registry = with(is_operator, is_locked);
        assert_eq!(registry.is_operator("ANN1"), is_one);
        let found = registry.operator_that_looks_like("annl").map(|account| &*account.name);
        assert_eq!(found, is_one.then_some("ann1"));
        assert!(!registry.is_operator("annl"), "it is another name");
        assert!(!registry.is_operator("bo") && registry.operator_that_looks_like("bo").is_none());
    }
}

#[test]
fn accounts_are_listed_until_they_are_removed() {
    let mut registry = registry(&[account("bo"), account("ann")]);
    let names = |registry: &Registry| -> Vec<String> {
        registry.accounts().map(|account| account.name.clone()).collect()
    };
    assert_eq!(names(&registry), ["ann", "bo"]);
    registry.apply(Change::RemoveAccount("BO".to_owned()));
    assert_eq!(names(&registry), ["ann"]);
}

#[test]
fn what_operators_do_is_told_with_whom_it_is_about() {
    let (name, to) = ("eve".to_owned(), "adam".to_owned());
    let (target, seconds, reason) = (name.clone(), Some(60), Some("too loud".to_owned()));
    let ban = Act::Ban { target: target.clone(), seconds, reason: reason.clone() };
    let mute = Act::Mute { target: target.clone(), seconds: None, reason: None };
    for (act, word, about, against) in [
        (Act::Kick { name: name.clone(), reason }, "kick", "eve: too loud", Some("eve")),
        (ban, "ban", "eve for 1 min: too loud", Some("eve")),
        (Act::Unban { target: target.clone() }, "unban", "eve", None),
        (mute, "mute", "eve", Some("eve")),
        (Act::Unmute { target }, "unmute", "eve", None),
        (Act::Topic { text: "tea".to_owned() }, "topic", "tea", None),
        (Act::Rename { name, to }, "rename", "eve to adam", Some("eve")),
        (Act::Slow { seconds: 5 }, "slow", "5 s", None),
    ] {
        assert_eq!((act.as_str(), act.target().as_str(), act.against()), (word, about, against));
    }
}

#[test]
fn a_target_matches_a_look_or_an_address() {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok();
    let name = Target::from_store(" Eve ");
    assert!(name.matches(Some(&look("eve")), address("10.0.0.1")) && !name.matches(None, None));
    assert!(!name.matches(Some(&look("ann")), None));
    let network = Target::from_store("10.0.0.0/8");
    assert!(network.matches(None, address("::ffff:10.9.9.9")));
    assert!(!network.matches(Some("10.0.0.0/8"), address("11.0.0.1")));
    assert!(!network.matches(None, None));
    assert_eq!((SanctionKind::Ban.as_str(), SanctionKind::Mute.as_str()), ("ban", "mute"));
}

#[test]
fn an_act_is_told_with_what_was_written_last() {
    let bo = || "bo".to_owned();
    let text = |text: &str| Some(text.to_owned());
    for (act, asked, done) in [
        (
            Act::Kick { name: bo(), reason: text("too\nloud\u{202e}") },
            "kick bo: too loud",
            "kicked bo: too loud",
        ),
        (Act::Kick { name: bo(), reason: text(" ") }, "kick bo", "kicked bo"),
        (
            Act::Ban { target: bo(), seconds: Some(3600), reason: text("spam") },
            "ban bo for 1 h: spam",
            "banned bo for 1 h: spam",
        ),
        (
            Act::Ban { target: "10.0.0.0/8".to_owned(), seconds: None, reason: None },
            "ban 10.0.0.0/8",
            "banned 10.0.0.0/8 permanently",
        ),
        (
            Act::Mute { target: "bo: x (uid 0)".to_owned(), seconds: Some(90), reason: None },
            "mute \"bo: x (uid 0)\" for 90 s",
            "muted \"bo: x (uid 0)\" for 90 s",
        ),
        (Act::Unban { target: bo() }, "unban bo", "unbanned bo"),
        (Act::Unmute { target: bo() }, "unmute bo", "unmuted bo"),
        (Act::Topic { text: "Tea\tat 5".to_owned() }, "topic: Tea at 5", "set the topic: Tea at 5"),
        (Act::Topic { text: String::new() }, "topic --clear", "cleared the topic"),
        (Act::Rename { name: bo(), to: "cy".to_owned() }, "rename bo to cy", "renamed bo to cy"),
        (Act::Slow { seconds: 172_800 }, "slow 2 d", "set slow mode to 2 d"),
        (Act::Slow { seconds: 0 }, "slow off", "turned slow mode off"),
    ] {
        assert_eq!((act.asked(), act.done()), (asked.to_owned(), done.to_owned()));
    }
}

#[test]
fn what_looks_like_an_account_in_some_way_of_writing_is_found() {
    let registry = registry(&[account("tom"), account("nan"), account("vav")]);
    for (name, like) in [("ТОМ", "tom"), ("том", "tom"), ("ΤΟΜ", "tom"), ("ΝΑΝ", "nan")]
    {
        let found = registry.account_that_looks_like(name).map(|account| &*account.name);
        assert_eq!(found, Some(like), "{name}");
        assert!(registry.account(name).is_none() && !registry.may_stay(name, later(1)), "{name}");
        assert!(registry.operator_that_looks_like(name).is_some(), "{name}");
    }
    assert!(registry.account_that_looks_like("Тома").is_none() && registry.may_stay("Тома", NOW));
}

#[test]
fn two_accounts_that_look_alike_since_before_leave_each_other_alone() {
    let mut registry = registry(&[account("tom"), account("ТОМ")]);
    for name in ["tom", "ТОМ"] {
        assert_eq!(registry.account(name).map(|account| &*account.name), Some(name));
        assert!(registry.account_that_looks_like(name).is_none(), "{name}");
        assert!(registry.may_stay(name, later(1)) && registry.is_operator(name), "{name}");
    }
    assert!(registry.account_that_looks_like("ΤΟΜ").is_some());
    registry.apply(Change::RemoveAccount("ТОМ".to_owned()));
    assert_eq!(registry.accounts().count(), 1);
    assert!(registry.account_that_looks_like("ТОМ").is_some(), "it is that of the other one now");
    registry.apply(Change::RemoveAccount("tom".to_owned()));
    assert!(registry.account_that_looks_like("ТОМ").is_none() && registry.may_stay("ТОМ", NOW));
}

#[test]
fn a_ban_meets_a_name_that_looks_like_it_in_capitals() {
    let mut registry = registry(&[ban("ναν", None), ban("tom", Some(later(5)))]);
    for (name, is_banned) in
        [("ΝΑΝ", true), ("nan", true), ("vav", true), ("ТОМ", true), ("nav", false)]
    {
        check(&registry, name, "127.0.0.1", NOW, is_banned);
    }
    check(&registry, "ТОМ", "127.0.0.1", later(5), false);
    // One that is over does not hide another one.
    registry.apply(ban("ТОМ", None));
    check(&registry, "ΤΟΜ", "127.0.0.1", later(5), true);
    for name in ["ναν", "tom", "ТОМ"] {
        registry.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store(name)));
    }
    assert_eq!(registry.sanctions.iter().count(), 0);
    check(&registry, "nan", "127.0.0.1", NOW, false);
}
