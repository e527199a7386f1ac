use super::*;
use crate::confusables::skeleton_of;

const NOW: Timestamp = Timestamp::constant(1_795_381_445, 0);

fn later(seconds: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_secs(seconds)
}

fn ban(target: &str, until: Option<Timestamp>) -> Change {
    let (target, term) = (Target::from_store(target), Term { until, reason: None });
    let by = "uid 0".to_owned();
    Change::PutSanction(Sanction { kind: SanctionKind::Ban, target, term, made: NOW, by })
}

fn access_state(changes: &[Change]) -> AccessState {
    let mut access_state = AccessState::default();
    changes.iter().for_each(|change| access_state.apply(change.clone()));
    access_state
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
fn check(access_state: &AccessState, name: &str, address: &str, now: Timestamp, is_banned: bool) {
    let address = Some(address.parse().unwrap());
    let found = access_state.sanctions.against(SanctionKind::Ban, Some(name), address, now);
    assert_eq!(found.is_some(), is_banned, "{name} {address:?}");
}

#[test]
fn a_ban_is_against_a_name_an_address_or_a_network() {
    let access_state = access_state(&[
        ban("Eve", None),
        ban("10.0.0.7", Some(later(60))),
        ban("192.168.3.9/16", None),
        ban("2001:db8::/32", None),
        ban("::ffff:172.16.0.0/108", None),
    ]);
    check(&access_state, "EVE", "127.0.0.1", NOW, true);
    check(&access_state, "ann", "127.0.0.1", NOW, false);
    check(&access_state, "ann", "10.0.0.7", NOW, true);
    check(&access_state, "ann", "::ffff:10.0.0.7", NOW, true);
    check(&access_state, "ann", "10.0.0.7", later(60), false);
    check(&access_state, "ann", "192.168.200.1", NOW, true);
    check(&access_state, "ann", "192.169.0.1", NOW, false);
    check(&access_state, "ann", "2001:db8:5::1", NOW, true);
    check(&access_state, "ann", "172.16.9.9", NOW, true);
    let shown: Vec<_> =
        access_state.sanctions.in_force(NOW).iter().map(|it| it.target.to_string()).collect();
    for target in ["EVE", "192.168.0.0/16"].map(Target::from_store) {
        assert!(access_state.sanctions.get(SanctionKind::Ban, &target, NOW).is_some());
        assert!(access_state.sanctions.get(SanctionKind::Mute, &target, NOW).is_none());
    }
    let inside = Target::from_store("192.168.3.0/24");
    assert!(access_state.sanctions.get(SanctionKind::Ban, &inside, NOW).is_none(), "it is another");
    let all = ["10.0.0.7", "172.16.0.0/12", "192.168.0.0/16", "2001:db8::/32", "Eve"];
    assert_eq!(shown, all);
}

#[test]
fn one_sanction_of_a_kind_against_one_target() {
    let mut access_state = access_state(&[ban("eve", Some(later(5))), ban("EVE", Some(later(9)))]);
    assert_eq!(access_state.sanctions.in_force(NOW).len(), 1);
    check(&access_state, "eve", "127.0.0.1", later(6), true);
    access_state.apply(Change::RemoveSanction(SanctionKind::Mute, Target::from_store("eve")));
    assert_eq!(access_state.sanctions.in_force(NOW).len(), 1);
    let before = access_state.clone();
    access_state.expire(later(9));
    assert_eq!(access_state.sanctions.in_force(NOW).len(), 0);
    assert_eq!(before.sanctions.in_force(NOW).len(), 1, "a copy stays as it is");
    let mut access_state = before;
    access_state.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store("eve")));
    assert_eq!(access_state.sanctions.in_force(NOW).len(), 0);
}

#[test]
fn a_network_is_found_among_those_of_its_length() {
    let mut access_state =
        access_state(&[ban("10.0.0.0/8", Some(later(1))), ban("11.0.0.0/8", None)]);
    access_state.expire(later(1));
    check(&access_state, "ann", "10.0.0.1", NOW, false);
    check(&access_state, "ann", "11.0.0.1", NOW, true);
    access_state.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store("11.0.0.0/8")));
    check(&access_state, "ann", "11.0.0.1", NOW, false);
    access_state.apply(ban("0.0.0.0/0", None));
    check(&access_state, "ann", "11.0.0.1", NOW, true);
    check(&access_state, "ann", "2001:db8::1", NOW, false);
}

#[test]
fn a_name_with_an_account_needs_its_password_in_every_mode() {
    let access_state = access_state(&[account("Ann1")]);
    for mode in [Mode::Open, Mode::Password, Mode::Accounts] {
        assert_eq!(access_state.requirement("ann1", mode), Requirement::AccountPassword);
    }
    assert_eq!(access_state.requirement("bo", Mode::Open), Requirement::Nothing);
    assert_eq!(access_state.requirement("bo", Mode::Password), Requirement::RoomPassword);
    assert_eq!(access_state.requirement("bo", Mode::Accounts), Requirement::AccountPassword);
    let credential = Credential::Account("of Ann1".to_owned());
    assert!(access_state.is_enough(&credential, "ANN1", Mode::Open));
    let wrong = [
        Credential::None,
        Credential::Room("of Ann1".to_owned()),
        Credential::Account(String::new()),
    ];
    for credential in &wrong {
        assert!(!access_state.is_enough(credential, "ann1", Mode::Open), "{credential:?}");
    }
    assert!(access_state.may_stay("ann1", NOW) && !access_state.may_stay("annl", later(1)));
    assert!(!access_state.may_stay("ann1", later(-1)), "they came before the account was made");
    assert!(access_state.account("annl").is_none(), "it is another name");
    assert!(access_state.confusable_account("annl").is_some(), "that looks the same");
    assert!(access_state.is_operator("ANN1"));
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
    let mut access_state = access_state(&[Change::SetRoomHash(Some("of the room".to_owned()))]);
    let right = Credential::Room("of the room".to_owned());
    assert!(access_state.is_enough(&right, "bo", Mode::Password));
    assert!(!access_state.is_enough(&right, "bo", Mode::Accounts));
    for wrong in [
        Credential::None,
        Credential::Room("old".to_owned()),
        Credential::Account("of the room".into()),
    ] {
        assert!(!access_state.is_enough(&wrong, "bo", Mode::Password), "{wrong:?}");
        assert!(access_state.is_enough(&wrong, "bo", Mode::Open), "{wrong:?}");
    }
    access_state.apply(Change::SetRoomHash(None));
    assert!(!access_state.is_enough(&right, "bo", Mode::Password), "there is none any more");
}

#[test]
fn an_operator_has_an_account_that_says_so_and_is_not_locked() {
    let with = |is_operator, is_locked| {
        let Change::PutAccount { mut account, renews } = account("ann1") else { panic!() };
        (account.is_operator, account.is_locked) = (is_operator, is_locked);
        access_state(&[Change::PutAccount { account, renews }])
    };
    for (is_operator, is_locked, is_one) in
        [(true, false, true), (true, true, false), (false, false, false), (false, true, false)]
    {
        let access_state = with(is_operator, is_locked);
        assert_eq!(access_state.is_operator("ANN1"), is_one);
        let found = access_state.confusable_operator("annl").map(|account| &*account.name);
        assert_eq!(found, is_one.then_some("ann1"));
        assert!(!access_state.is_operator("annl"), "it is another name");
        assert!(
            !access_state.is_operator("bo") && access_state.confusable_operator("bo").is_none()
        );
    }
}

#[test]
fn accounts_are_listed_until_they_are_removed() {
    let mut access_state = access_state(&[account("bo"), account("ann")]);
    let names = |access_state: &AccessState| -> Vec<String> {
        access_state.accounts().map(|account| account.name.clone()).collect()
    };
    assert_eq!(names(&access_state), ["ann", "bo"]);
    access_state.apply(Change::RemoveAccount("BO".to_owned()));
    assert_eq!(names(&access_state), ["ann"]);
}

#[test]
fn what_operators_do_is_told_with_whom_it_is_about() {
    let (name, to) = ("eve".to_owned(), "adam".to_owned());
    let (target, seconds, reason) = (name.clone(), Some(60), Some("too loud".to_owned()));
    let ban = ModerationAction::Ban { target: target.clone(), seconds, reason: reason.clone() };
    let mute = ModerationAction::Mute { target: target.clone(), seconds: None, reason: None };
    for (action, word, about) in [
        (ModerationAction::Kick { name: name.clone(), reason }, "kick", "eve: too loud"),
        (ban, "ban", "eve for 1 min: too loud"),
        (ModerationAction::Unban { target: target.clone() }, "unban", "eve"),
        (mute, "mute", "eve"),
        (ModerationAction::Unmute { target }, "unmute", "eve"),
        (ModerationAction::Topic { text: "tea".to_owned() }, "topic", "tea"),
        (ModerationAction::Rename { name, to }, "rename", "eve to adam"),
        (ModerationAction::Slow { seconds: 5 }, "slow", "5 s"),
    ] {
        assert_eq!((action.as_str(), action.target().as_str()), (word, about));
    }
}

#[test]
fn a_target_matches_a_look_or_an_address() {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok();
    let name = Target::from_store(" Eve ");
    assert!(
        name.matches(Some(&skeleton_of("eve")), address("10.0.0.1")) && !name.matches(None, None)
    );
    assert!(!name.matches(Some(&skeleton_of("ann")), None));
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
    for (action, asked, done) in [
        (
            ModerationAction::Kick { name: bo(), reason: text("too\nloud\u{202e}") },
            "kick bo: too loud",
            "kicked bo: too loud",
        ),
        (ModerationAction::Kick { name: bo(), reason: text(" ") }, "kick bo", "kicked bo"),
        (
            ModerationAction::Ban { target: bo(), seconds: Some(3600), reason: text("spam") },
            "ban bo for 1 h: spam",
            "banned bo for 1 h: spam",
        ),
        (
            ModerationAction::Ban { target: "10.0.0.0/8".to_owned(), seconds: None, reason: None },
            "ban 10.0.0.0/8",
            "banned 10.0.0.0/8 permanently",
        ),
        (
            ModerationAction::Mute {
                target: "bo: x (uid 0)".to_owned(),
                seconds: Some(90),
                reason: None,
            },
            "mute \"bo: x (uid 0)\" for 90 s",
            "muted \"bo: x (uid 0)\" for 90 s",
        ),
        (ModerationAction::Unban { target: bo() }, "unban bo", "unbanned bo"),
        (ModerationAction::Unmute { target: bo() }, "unmute bo", "unmuted bo"),
        (
            ModerationAction::Topic { text: "Tea\tat 5".to_owned() },
            "topic: Tea at 5",
            "set the topic: Tea at 5",
        ),
        (ModerationAction::Topic { text: String::new() }, "topic --clear", "cleared the topic"),
        (
            ModerationAction::Rename { name: bo(), to: "cy".to_owned() },
            "rename bo to cy",
            "renamed bo to cy",
        ),
        (ModerationAction::Slow { seconds: 172_800 }, "slow 2 d", "set slow mode to 2 d"),
        (ModerationAction::Slow { seconds: 0 }, "slow off", "turned slow mode off"),
    ] {
        assert_eq!((action.asked(), action.done()), (asked.to_owned(), done.to_owned()));
    }
}

#[test]
fn what_looks_like_an_account_in_some_way_of_writing_is_found() {
    let access_state = access_state(&[account("tom"), account("nan"), account("vav")]);
    for (name, like) in [("ТОМ", "tom"), ("том", "tom"), ("ΤΟΜ", "tom"), ("ΝΑΝ", "nan")]
    {
        let found = access_state.confusable_account(name).map(|account| &*account.name);
        assert_eq!(found, Some(like), "{name}");
        assert!(
            access_state.account(name).is_none() && !access_state.may_stay(name, later(1)),
            "{name}"
        );
        assert!(access_state.confusable_operator(name).is_some(), "{name}");
    }
    assert!(
        access_state.confusable_account("Тома").is_none() && access_state.may_stay("Тома", NOW)
    );
}

#[test]
fn two_accounts_that_look_alike_since_before_leave_each_other_alone() {
    let mut access_state = access_state(&[account("tom"), account("ТОМ")]);
    for name in ["tom", "ТОМ"] {
        assert_eq!(access_state.account(name).map(|account| &*account.name), Some(name));
        assert!(access_state.confusable_account(name).is_none(), "{name}");
        assert!(access_state.may_stay(name, later(1)) && access_state.is_operator(name), "{name}");
    }
    assert!(access_state.confusable_account("ΤΟΜ").is_some());
    access_state.apply(Change::RemoveAccount("ТОМ".to_owned()));
    assert_eq!(access_state.accounts().count(), 1);
    assert!(access_state.confusable_account("ТОМ").is_some(), "it is that of the other one now");
    access_state.apply(Change::RemoveAccount("tom".to_owned()));
    assert!(access_state.confusable_account("ТОМ").is_none() && access_state.may_stay("ТОМ", NOW));
}

#[test]
fn a_ban_meets_a_name_that_looks_like_it_in_capitals() {
    let mut access_state = access_state(&[ban("ναν", None), ban("tom", Some(later(5)))]);
    for (name, is_banned) in
        [("ΝΑΝ", true), ("nan", true), ("vav", true), ("ТОМ", true), ("nav", false)]
    {
        check(&access_state, name, "127.0.0.1", NOW, is_banned);
    }
    check(&access_state, "ТОМ", "127.0.0.1", later(5), false);
    // One that is over does not hide another one.
    access_state.apply(ban("ТОМ", None));
    check(&access_state, "ΤΟΜ", "127.0.0.1", later(5), true);
    for name in ["ναν", "tom", "ТОМ"] {
        access_state.apply(Change::RemoveSanction(SanctionKind::Ban, Target::from_store(name)));
    }
    assert_eq!(access_state.sanctions.iter().count(), 0);
    check(&access_state, "nan", "127.0.0.1", NOW, false);
}
