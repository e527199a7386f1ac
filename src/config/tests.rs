use super::*;

/// Checks that a configuration has exactly the problems with the given beginnings.
#[track_caller]
fn check_problems(text: &str, expect: &[&str]) {
    let problems = Config::parse(text).expect_err("there should be problems");
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(problems.len(), expect.len(), "{problems:#?}");
    for (problem, expect) in problems.iter().zip(expect) {
        assert!(problem.contains(expect), "{problem:?} should contain {expect:?}");
    }
}

#[test]
fn nothing_is_the_default() {
    assert_eq!(Config::parse(""), Ok(Config::default()));
    assert_eq!(Config::default().listen.chat, ["127.0.0.1:53000".parse().unwrap()]);
}

#[test]
fn every_option_is_read() {
    let text = r#"
        [listen]
        chat = ["0.0.0.0:6667", "[::]:6667"]
        tls = "0.0.0.0:6697"
        proxy_protocol = ["10.0.0.0/8", "::1"]
        [room]
        name = "den"
        greeting = "Good evening."
        topic = "Tea"
        [history]
        enabled = false
        durability = "process"
        replay = 5
        keep_for = "90 days"
        keep_bytes = "1 MiB"
        [access]
        mode = "accounts"
        password_file = "/tmp/password"
        [limits]
        connections = 7
        connections_per_address = 3
        new_connections_per_minute = 0
        joins_per_minute = 4
        wrong_passwords_per_minute = 5
        messages_per_second = 6
        burst = 8
        loopback = true
        message_bytes = 512
        window = "1 MiB"
        [timeouts]
        name = "5 s"
        silence = "1 min"
        stalled = "1 min 30 s"
        grace = "0 s"
        [admin]
        socket = "/tmp/a.sock"
        [log]
        level = "debug"
        [tls]
        certificate = "/tmp/c.pem"
        key = "/tmp/k.pem"

        [paths]
        state = "/tmp/state"
        runtime = "/tmp/run"
    "#;
    let config = Config::parse(text).unwrap();
    assert_eq!(config.listen.chat.len(), 2);
    let proxies = [true, true, false].to_vec();
    let is_proxy = |address: &str| config.listen.is_proxy(address.parse().unwrap());
    assert_eq!(["10.9.9.9", "::1", "11.0.0.1"].map(is_proxy).to_vec(), proxies);
    assert_eq!((config.room.name.as_str(), config.room.topic.as_str()), ("den", "Tea"));
    assert_eq!(config.room.greeting, "Good evening.");
    let limits = Limits {
        connections: 7,
        connections_per_address: 3,
        new_connections_per_minute: 0,
        joins_per_minute: 4,
        wrong_passwords_per_minute: 5,
        messages_per_second: 6,
        burst: 8,
        loopback: true,
        message_bytes: 512,
        window: 1 << 20,
    };
    assert_eq!(config.limits, limits);
    let password_file = Some("/tmp/password".into());
    assert_eq!(config.access, AccessConfig { mode: Mode::Accounts, password_file });
    let history = History {
        enabled: false,
        durability: Durability::Process,
        replay: 5,
        keep_for: Duration::from_secs(90 * 86_400),
        keep_bytes: 1 << 20,
    };
    assert_eq!(config.history, history);
    let tls = Tls { certificate: Some("/tmp/c.pem".into()), key: Some("/tmp/k.pem".into()) };
    assert_eq!((config.tls, config.listen.tls.len()), (tls, 1));
    assert_eq!(config.paths.state, Some("/tmp/state".into()));
    assert_eq!(config.timeouts.stalled, Duration::from_secs(90));
    assert_eq!(config.timeouts.grace, Duration::ZERO);
    assert_eq!(config.admin.socket, Some("/tmp/a.sock".into()));
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(config.paths.runtime, Some("/tmp/run".into()));
}

#[test]
fn a_file_of_any_system_is_read() {
    let config = Config::parse("\u{feff}[room]\r\nname = \"cellar\"\r\n").unwrap();
    assert_eq!(config.room.name, "cellar");
}

#[test]
fn all_problems_are_said_at_once_with_their_lines() {
    let text = "[listen]\nchat = [\"localhost\"]\nchta = 1\n[limits]\nmessage-bytes = 3\nwindow = 5\n\
                [tiemouts]\n[timeouts]\nname = 30\ngrace = \"9 h\"\n[log]\nlevel = \"loud\"\n";
    check_problems(
        text,
        &[
            "line 2: `chat` in [listen] cannot be [\"localhost\"]: it must be an IP address and a port",
            "line 3: unknown option `chta` in [listen]; did you mean `chat`?",
            "line 5: unknown option `message-bytes` in [limits]; did you mean `message_bytes`?",
            "line 6: `window` in [limits] cannot be 5: it must be a size such as",
            "line 7: unknown section [tiemouts]; did you mean `timeouts`?",
            "line 9: `name` in [timeouts] cannot be 30: it must be a time with a unit",
            "line 10: `grace` in [timeouts] cannot be \"9 h\"",
            "line 12: `level` in [log] cannot be \"loud\": it must be one of error, warn",
        ],
    );
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    check_problems("[room]\nname = lobby\n", &["line 2: this is not valid TOML"]);
    check_problems(
        "[listen]\n[room]\n[listen]\ntls = []\n",
        &["line 3: `listen` appears a second time"],
    );
    check_problems(
        "[room]\ntopic = \"a\"\ntopic = \"b\"\n",
        &["line 3: `topic` appears a second time"],
    );
    check_problems("listen = 5\nport = 4\n", &["`listen` is a section", "outside a section"]);
    let nowhere = "line 2: `chat` in [listen]: at least one address is needed here or in `tls`";
    check_problems("[listen]\nchat = []\n", &[nowhere]);
    check_problems("[listen]\nchat = [\"[::1]:5\", \"[::1]:5\"]\n", &["twice"]);
}

#[test]
fn metrics_stay_on_this_machine() {
    let parse = |text: &str| Config::parse(text).map(|config| config.metrics.listen);
    assert_eq!(parse("[metrics]\nlisten = \"\"\n"), Ok(None));
    let address = "[::1]:9153".parse().ok();
    assert_eq!(parse("[metrics]\nlisten = \"[::1]:9153\"\n"), Ok(address));
    check_problems("[metrics]\nlisten = \"0.0.0.0:9153\"\n", &["no password is required"]);
    check_problems("[metrics]\nlisten = 9153\n", &["such as \"127.0.0.1:9153\""]);
}

#[test]
fn proxies_are_named_exactly() {
    let is_proxy = |listed: &str, address: &str| {
        let text = format!("[listen]\nproxy_protocol = {listed}\n");
        Config::parse(&text).unwrap().listen.is_proxy(address.parse().unwrap())
    };
    for (listed, address) in [
        ("\"10.0.0.7\"", "10.0.0.7"),
        ("[\"10.0.0.7/32\"]", "10.0.0.7"),
        ("[\"192.0.2.0/24\", \"10.0.0.0/8\"]", "10.255.255.255"),
        ("\"10.0.0.7\"", "::ffff:10.0.0.7"),
        ("\"::ffff:10.0.0.7\"", "10.0.0.7"),
        ("\"::ffff:10.0.0.0/104\"", "10.1.2.3"),
        ("\"fd00::/64\"", "fd00::7"),
    ] {
        assert!(is_proxy(listed, address), "{listed} {address}");
    }
    for (listed, address) in [
        ("[]", "127.0.0.1"),
        ("\"10.0.0.7\"", "10.0.0.8"),
        ("\"10.0.0.0/8\"", "11.0.0.0"),
        ("\"127.0.0.0/8\"", "::1"),
        ("\"fd00::/64\"", "fd00:0:0:1::7"),
    ] {
        assert!(!is_proxy(listed, address), "{listed} {address}");
    }
    let network = ["[]", "[\"10.0.0.7\", \"::1\"]", "\"fd00::/8\""];
    let neither =
        ["\"proxy.example\"", "\"10.0.0.*\"", "\"10.0.0\"", "\"10.0.0.0/33\"", "\"\"", "7"];
    check_values("listen", "proxy_protocol", &network, &neither, "an IP address or a network");
    let bits = ["\"10.0.0.7/8\"", "\"fd00::1/64\""];
    check_values("listen", "proxy_protocol", &[], &bits, "bits set after its prefix: write ");
    let all = ["\"0.0.0.0/0\"", "[\"::/0\"]", "\"::ffff:0:0/96\""];
    check_values("listen", "proxy_protocol", &[], &all, "contains all addresses");
    let twice = ["[\"::1\", \"::1/128\"]", "[\"10.0.0.7\", \"::ffff:10.0.0.7\"]"];
    check_values("listen", "proxy_protocol", &[], &twice, "it contains ");
}

/// The shipped file with its options uncommented equals the defaults, and contains every option.
#[test]
fn the_shipped_file_is_the_default() {
    let shipped = include_str!("../../etc/chatroomd.toml");
    assert_eq!(Config::parse(shipped), Ok(Config::default()));
    let uncommented: String = shipped
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(Config::parse(&uncommented), Ok(Config::default()));
    let options = uncommented.lines().filter(|line| !line.starts_with(['#', '['])).count();
    let blank = uncommented.lines().filter(|line| line.is_empty()).count();
    assert_eq!(options - blank, 34, "every option is in it");
}

/// Checks which values of an option are accepted, and with which message the others are refused.
#[track_caller]
fn check_values(section: &str, option: &str, taken: &[&str], refused: &[&str], said: &str) {
    for value in taken {
        let text = format!("[{section}]\n{option} = {value}\n");
        assert!(Config::parse(&text).is_ok(), "{text}{:?}", Config::parse(&text));
    }
    for value in refused {
        let text = format!("[{section}]\n{option} = {value}\n");
        let problems = Config::parse(&text).expect_err(&text);
        assert!(problems[0].to_string().contains(said), "{text}{}", problems[0]);
    }
}

#[test]
fn values_are_taken_up_to_their_limits() {
    let text = |count: usize| format!("\"{}\"", "x".repeat(count));
    let (long, too_long) = (text(1024), text(1025));
    check_values(
        "room",
        "topic",
        &["\"\"", &long],
        &[&too_long, &text(5000)],
        "at most 1024 bytes",
    );
    check_values(
        "room",
        "topic",
        &[],
        &["\"a\\u001bb\"", "\"a\\nb\""],
        "without control characters",
    );
    check_values("room", "topic", &[], &["5"], "a text in quotation marks");
    let wrong = ["\"\"", "\"two words\"", &text(65), &text(99)];
    check_values("room", "name", &["\"den\"", &text(64)], &wrong, "one word of at most 64 bytes");
    let modes = ["\"open\"", "\"password\"", "\"accounts\""];
    check_values(
        "access",
        "mode",
        &modes,
        &["\"closed\"", "\"\"", "true"],
        "it must be one of \"open\"",
    );
    let durable = ["\"power\"", "\"process\""];
    check_values("history", "durability", &durable, &["\"none\"", "1"], "\"power\" or \"process\"");
    check_values("history", "enabled", &["true", "false"], &["1", "\"true\""], "true or false");
    check_values(
        "history",
        "replay",
        &["0", "200", "0xC8"],
        &["201", "-1", "\"5\""],
        "from 0 to 200",
    );
    check_values(
        "admin",
        "socket",
        &["\"\"", "\"/x\""],
        &["\"x\"", "1"],
        "a path that begins with /",
    );
    let taken = ["\"25 s\"", "\"0 s\"", "\"0.5 s\""];
    check_values("timeouts", "grace", &taken, &["\"26 s\"", "\"-1 s\"", "60"], "with a unit");
}

#[test]
fn the_words_are_understood_as_what_they_say() {
    let mode =
        |word: &str| Config::parse(&format!("[access]\nmode = \"{word}\"\n")).unwrap().access.mode;
    assert_eq!(
        ["open", "password", "accounts"].map(mode),
        [Mode::Open, Mode::Password, Mode::Accounts]
    );
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
    }
    assert_eq!(Level::Warn.to_string(), "warn");
}

#[test]
fn only_a_slip_of_the_finger_is_taken_for_an_option() {
    for near in ["naem", "nme", "namee", "nane", "NAME"] {
        check_problems(&format!("[room]\n{near} = 1\n"), &["did you mean `name`?"]);
    }
    for far in ["nabcd", "naxy", "nxye", "mane", ""] {
        check_problems(&format!("[room]\n\"{far}\" = 1\n"), &["expected one of "]);
    }
}
