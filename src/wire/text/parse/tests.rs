use super::*;

fn usage(id: CommandId) -> TextRequest<'static> {
    TextRequest::Incomplete(Mistake::Usage(id))
}

#[test]
fn commands_are_exact_words() {
    assert_eq!(parse("&"), TextRequest::KeepAlive);
    assert_eq!(parse("& then"), TextRequest::Say("& then"));
    assert_eq!(parse("!quit"), TextRequest::Quit);
    assert_eq!(parse("!quit "), TextRequest::Quit);
    assert_eq!(parse("!quitting time"), TextRequest::Say("!quitting time"));
    assert_eq!(parse("!quit now"), TextRequest::Say("!quit now"));
    assert_eq!(parse("!who"), TextRequest::Who);
    assert_eq!(parse("!dance"), TextRequest::Say("!dance"));
    assert_eq!(parse("/msg ann a secret"), TextRequest::Incomplete(Mistake::Slash));
    let ban = |seconds, reason: Option<&str>| {
        let (target, reason) = ("bo".to_owned(), reason.map(str::to_owned));
        moderate(ModerationAction::Ban { target, seconds, reason })
    };
    assert_eq!(parse("!ban bo"), ban(None, None));
    assert_eq!(parse("!ban bo 10min"), ban(Some(600), None));
    assert_eq!(parse("!ban bo 1h too loud"), ban(Some(3600), Some("too loud")));
    assert_eq!(parse("!ban bo 2 hours too loud"), ban(Some(7200), Some("too loud")));
    assert_eq!(parse("!ban bo 1h 30min"), ban(Some(5400), None));
    assert_eq!(parse("!ban bo 5m30s"), ban(Some(330), None));
    assert_eq!(parse("!ban bo 1.5h spam"), ban(Some(5400), Some("spam")));
    assert_eq!(parse("!ban bo 0s"), ban(Some(0), None));
    assert_eq!(parse("!ban bo Panic"), ban(None, Some("Panic")));
    assert_eq!(parse("!ban bo for 10 min"), ban(Some(600), None));
    assert_eq!(parse("!ban bo --for 10 min spam"), ban(Some(600), Some("spam")));
    assert_eq!(parse("!ban bo for spam"), ban(None, Some("for spam")));
    for line in [
        "!ban bo 10",
        "!ban bo 10 too loud",
        "!ban bo 10 minuten",
        "!ban bo -5 min",
        "!ban bo for 10",
        "!ban bo --for ever",
        "!ban bo \u{ff11}\u{ff10}",
        "!ban bo ½ h",
        "!ban bo .5h",
        "!ban bo PT10M",
        "!ban bo 2 months",
        "!ban bo 99999999999999999999 s",
        "!ban bo --reason spam",
        "!ban bo 1h 30 times said no",
        "!ban bo 3 times warned",
        "!mute bo 10",
    ] {
        let id = if line.starts_with("!mute") { CommandId::Mute } else { CommandId::Ban };
        assert_eq!(parse(line), TextRequest::Incomplete(Mistake::Time(id)), "{line}");
    }
    assert_eq!(parse("!ban bo too loud"), ban(None, Some("too loud")));
    assert_eq!(parse("!mute"), usage(CommandId::Mute));
    assert_eq!(parse("!topic"), TextRequest::Topic);
    assert_eq!(parse("/usr is full"), TextRequest::Say("/usr is full"));
    assert_eq!(parse("!me waves"), TextRequest::Action("waves"));
    assert_eq!(parse("!me"), usage(CommandId::Action));
    assert_eq!(parse("!msg bo  hi there"), TextRequest::Direct { to: "bo", text: "hi there" });
    assert_eq!(parse("!msg bo"), usage(CommandId::Direct));
    assert_eq!(parse("!msg bo \t"), usage(CommandId::Direct));
    assert_eq!(parse("!msg bo \u{a0} ."), TextRequest::Direct { to: "bo", text: "." });
    assert_eq!(parse("!history 5"), TextRequest::History(5));
    assert_eq!(parse("!history lesson"), usage(CommandId::History));
    assert_eq!(parse("  indented"), TextRequest::Say("  indented"));
    let most = MAX_HISTORY.to_string();
    assert_eq!(parse(&format!("!history {most}")), TextRequest::History(MAX_HISTORY));
    for wrong in ["!history 0", &format!("!history {most}0")] {
        assert_eq!(parse(wrong), usage(CommandId::History));
    }
    assert_eq!(parse("!history"), TextRequest::History(USUAL_HISTORY));
    assert_eq!(parse("!help"), TextRequest::Help);
    assert_eq!(parse("!search"), usage(CommandId::Search));
    assert_eq!(parse("!search tea at five"), TextRequest::Search("tea at five"));
}

#[test]
fn what_operators_type_says_what_they_do() {
    let bo = || "bo".to_owned();
    for (line, action) in [
        ("!topic Tea at five", ModerationAction::Topic { text: "Tea at five".to_owned() }),
        ("!kick bo", ModerationAction::Kick { name: bo(), reason: None }),
        (
            "!kick bo too loud",
            ModerationAction::Kick { name: bo(), reason: Some("too loud".to_owned()) },
        ),
        (
            "!mute bo 5 min",
            ModerationAction::Mute { target: bo(), seconds: Some(300), reason: None },
        ),
        (
            "!mute bo 5min",
            ModerationAction::Mute { target: bo(), seconds: Some(300), reason: None },
        ),
        ("!unban bo", ModerationAction::Unban { target: bo() }),
        ("!unmute bo", ModerationAction::Unmute { target: bo() }),
    ] {
        assert_eq!(parse(line), moderate(action), "{line}");
    }
    for (line, id) in [
        ("!kick", CommandId::Kick),
        ("!ban", CommandId::Ban),
        ("!unban", CommandId::Unban),
        ("!unmute", CommandId::Unmute),
    ] {
        assert_eq!(parse(line), usage(id), "{line}");
    }
}

#[test]
fn a_usage_message_shows_the_form_and_an_example() {
    assert_eq!(
        Mistake::Usage(CommandId::Direct).sentence('!'),
        "Usage: !msg NAME TEXT - send a direct message, as in: !msg ann hello"
    );
    let time = Mistake::Time(CommandId::Mute).sentence('/');
    assert!(time.contains("as in /mute bo 10 min too loud."), "{time}");
}
