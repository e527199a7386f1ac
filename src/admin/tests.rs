use super::*;

/// What is asked with a command that has nothing beside it is written as that command is called.
#[test]
fn a_bare_command_is_called_as_it_is_written() {
    let bare = [
        (Request::Ping, "ping"),
        (Request::Users, "users"),
        (Request::Status, "status"),
        (Request::Metrics, "metrics"),
        (Request::Bans, "bans"),
        (Request::Backup, "backup"),
        (Request::Reload, "reload"),
        (Request::CancelShutdown, "cancel-shutdown"),
        (Request::HandOver, "hand-over"),
    ];
    for (request, command) in bare {
        assert_eq!((request.command(), request.target()), (command, None));
        let written = serde_json::to_string(&request).unwrap();
        assert_eq!(written, format!("{{\"command\":\"{command}\"}}"));
    }
    assert_eq!(Request::Examine.command(), "doctor");
}

#[test]
fn what_was_asked_is_logged_with_what_it_is_about() {
    let act = Act::Unban { target: "eve".to_owned() };
    let shutdown = Request::Shutdown { after: 300, message: Some("a new kernel".to_owned()) };
    let history = Request::History {
        before: None,
        after: None,
        since: None,
        until: None,
        from: None,
        grep: None,
        limit: 1,
        wait: false,
    };
    for (request, command, target) in [
        (Request::Say { text: "tea".to_owned() }, "say", Some("tea")),
        (Request::Moderate { act }, "unban", Some("eve")),
        (Request::Audit { limit: 3 }, "audit", None),
        (history, "history", None),
        (Request::Redact { targets: vec![4, 2] }, "redact", Some("4 2")),
        (shutdown, "shutdown", Some("in 300 s")),
        (Request::LogLevel { level: Some(Level::Debug) }, "log-level", Some("debug")),
        (Request::LogLevel { level: None }, "log-level", None),
    ] {
        assert_eq!((request.command(), request.target().as_deref()), (command, target));
    }
}

#[test]
fn what_is_done_with_accounts_is_logged_with_the_name() {
    let name = || "ann".to_owned();
    let password = || Secret::new("hush".to_owned());
    let add = |operator| AccountRequest::Add { name: name(), password: password(), operator };
    let all = [
        (AccountRequest::List, "account list"),
        (add(false), "account add"),
        (add(true), "account add operator"),
        (AccountRequest::Remove { name: name() }, "account remove"),
        (AccountRequest::Password { name: name(), password: password() }, "account password"),
        (AccountRequest::Lock { name: name() }, "account lock"),
        (AccountRequest::Unlock { name: name() }, "account unlock"),
        (AccountRequest::Operator { name: name(), on: true }, "account operator"),
        (AccountRequest::Operator { name: name(), on: false }, "account no operator"),
    ];
    for (what, words) in all {
        let target = (what != AccountRequest::List).then_some("ann");
        let request = Request::Account { what };
        assert_eq!((request.command(), request.target().as_deref()), (words, target));
    }
}

#[test]
fn a_finding_is_as_bad_as_it_is_called() {
    let problem = Finding::problem("store", "it is full", "make room");
    assert_eq!((problem.verdict, problem.advice.as_deref()), (Verdict::Problem, Some("make room")));
    assert_eq!((problem.area.as_str(), problem.what.as_str()), ("store", "it is full"));
    let note = Finding::note("store", "it is off", "turn it on");
    assert_eq!((note.verdict, note.advice.as_deref()), (Verdict::Note, Some("turn it on")));
    assert_eq!(Finding::ok("store", "all is well").advice, None);
}

#[test]
fn what_is_asked_is_told_with_what_was_written_last() {
    let say = Request::Say { text: "tea\nat five".to_owned() };
    let redact = |targets: &[u64]| Request::Redact { targets: targets.to_vec() };
    let shutdown = |after, message: Option<&str>| Request::Shutdown {
        after,
        message: message.map(str::to_owned),
    };
    let act = Act::Kick { name: "bo".to_owned(), reason: Some("too loud".to_owned()) };
    for (request, asked) in [
        (Request::Ping, "ping"),
        (Request::Reload, "reload"),
        (say, "say: tea at five"),
        (redact(&[7]), "redact 7"),
        (redact(&[7, 8, 12]), "redact 3 records, 7 to 12"),
        (shutdown(0, None), "shutdown"),
        (shutdown(90, Some("new\x1b kernel")), "shutdown in 90 s: new kernel"),
        (Request::LogLevel { level: Some(Level::Debug) }, "log-level debug"),
        (
            Request::Account { what: AccountRequest::Lock { name: "bo cy".to_owned() } },
            "account lock \"bo cy\"",
        ),
        (Request::Account { what: AccountRequest::List }, "account list"),
        (Request::Moderate { act }, "kick bo: too loud"),
    ] {
        assert_eq!(request.asked(), asked);
    }
}

#[test]
fn what_only_looks_is_told_from_what_changes_something() {
    assert!(Request::Status.only_looks() && Request::LogLevel { level: None }.only_looks());
    assert!(Request::Account { what: AccountRequest::List }.only_looks());
    assert!(!Request::LogLevel { level: Some(Level::Info) }.only_looks());
    assert!(!Request::Backup.only_looks() && !Request::Reload.only_looks());
}
