use super::*;

/// A request that has only a command is serialized with the name of that command.
#[test]
fn a_bare_command_is_called_as_it_is_written() {
    let bare = [
        (AdminRequest::Ping, "ping"),
        (AdminRequest::Users, "users"),
        (AdminRequest::Status, "status"),
        (AdminRequest::Metrics, "metrics"),
        (AdminRequest::Bans, "bans"),
        (AdminRequest::Backup, "backup"),
        (AdminRequest::Reload, "reload"),
        (AdminRequest::CancelShutdown, "cancel-shutdown"),
        (AdminRequest::HandOver, "hand-over"),
    ];
    for (request, command) in bare {
        assert_eq!((request.command(), request.target()), (command, None));
        let written = serde_json::to_string(&request).unwrap();
        assert_eq!(written, format!("{{\"command\":\"{command}\"}}"));
    }
    assert_eq!(AdminRequest::Examine.command(), "doctor");
}

#[test]
fn what_was_asked_is_logged_with_what_it_is_about() {
    let action = ModerationAction::Unban { target: "eve".to_owned() };
    let shutdown = AdminRequest::Shutdown { after: 300, message: Some("a new kernel".to_owned()) };
    let history = AdminRequest::History {
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
        (AdminRequest::Say { text: "tea".to_owned() }, "say", Some("tea")),
        (AdminRequest::Moderate { action }, "unban", Some("eve")),
        (AdminRequest::Audit { limit: 3 }, "audit", None),
        (history, "history", None),
        (AdminRequest::Redact { targets: vec![4, 2] }, "redact", Some("4 2")),
        (shutdown, "shutdown", Some("in 300 s")),
        (AdminRequest::LogLevel { level: Some(Level::Debug) }, "log-level", Some("debug")),
        (AdminRequest::LogLevel { level: None }, "log-level", None),
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
        let request = AdminRequest::Account { what };
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
    let say = AdminRequest::Say { text: "tea\nat five".to_owned() };
    let redact = |targets: &[u64]| AdminRequest::Redact { targets: targets.to_vec() };
    let shutdown = |after, message: Option<&str>| AdminRequest::Shutdown {
        after,
        message: message.map(str::to_owned),
    };
    let action =
        ModerationAction::Kick { name: "bo".to_owned(), reason: Some("too loud".to_owned()) };
    for (request, asked) in [
        (AdminRequest::Ping, "ping"),
        (AdminRequest::Reload, "reload"),
        (say, "say: tea at five"),
        (redact(&[7]), "redact 7"),
        (redact(&[7, 8, 12]), "redact 3 records, 7 to 12"),
        (shutdown(0, None), "shutdown"),
        (shutdown(90, Some("new\x1b kernel")), "shutdown in 90 s: new kernel"),
        (AdminRequest::LogLevel { level: Some(Level::Debug) }, "log-level debug"),
        (
            AdminRequest::Account { what: AccountRequest::Lock { name: "bo cy".to_owned() } },
            "account lock \"bo cy\"",
        ),
        (AdminRequest::Account { what: AccountRequest::List }, "account list"),
        (AdminRequest::Moderate { action }, "kick bo: too loud"),
    ] {
        assert_eq!(request.asked(), asked);
    }
}

#[test]
fn what_only_looks_is_told_from_what_changes_something() {
    assert!(
        AdminRequest::Status.only_looks() && AdminRequest::LogLevel { level: None }.only_looks()
    );
    assert!(AdminRequest::Account { what: AccountRequest::List }.only_looks());
    assert!(!AdminRequest::LogLevel { level: Some(Level::Info) }.only_looks());
    assert!(!AdminRequest::Backup.only_looks() && !AdminRequest::Reload.only_looks());
}

/// Each new request must be classified in [`AdminRequest::auditing`].
#[test]
fn every_request_that_changes_something_is_in_the_audit() {
    let name = || "ann".to_owned();
    let action = ModerationAction::Kick { name: name(), reason: None };
    let shutdown = AdminRequest::Shutdown { after: 0, message: None };
    for (request, auditing) in [
        (AdminRequest::Say { text: "tea".to_owned() }, Auditing::Required),
        (AdminRequest::Redact { targets: vec![7] }, Auditing::Required),
        (AdminRequest::Backup, Auditing::Required),
        (AdminRequest::Moderate { action }, Auditing::WithDetails),
        (
            AdminRequest::Account { what: AccountRequest::Lock { name: name() } },
            Auditing::WithDetails,
        ),
        (AdminRequest::Reload, Auditing::IfPossible),
        (shutdown, Auditing::IfPossible),
        (AdminRequest::CancelShutdown, Auditing::IfPossible),
        (AdminRequest::LogLevel { level: Some(Level::Debug) }, Auditing::IfPossible),
        // systemd sends this request at each restart.
        (AdminRequest::HandOver, Auditing::Never),
    ] {
        assert_eq!(request.auditing(), auditing, "{request:?}");
        assert!(!request.only_looks(), "{request:?}");
    }
    assert_eq!(AdminRequest::Status.auditing(), Auditing::Never);
}

#[test]
fn what_was_not_done_is_told_from_what_was() {
    let refused = Reply::Refused { code: RefusalCode::Failed, message: String::new() };
    let redacted = |redacted| Reply::Redacted(Redaction { redacted, ..Redaction::default() });
    assert!(!refused.is_done() && !redacted(vec![]).is_done());
    assert!(Reply::Done.is_done() && redacted(vec![7]).is_done());
}
