//! Properties that hold for any bytes. Each check is a target of cargo-fuzz, and `cargo test` runs all of them
//! over the corpora.

use std::collections::BTreeSet;

use chatroom::admin;
use chatroom::characters::{self, Kind};
use chatroom::clean;
use chatroom::config::Config;
use chatroom::confusables::{are_confusable, fold, skeleton_of, skeletons_of};
use chatroom::handover::SavedState;
use chatroom::names::{LONGEST, MAX_BYTES, Name, SHORTEST};
use chatroom::wire::greeting::{Telnet, Verdict, judge, strip_telnet};
use chatroom::wire::json::{self, Event};
use chatroom::wire::proxy::{self, MAX_HEADER, Progress};
use chatroom::wire::{Frame, Framer, text};

/// Fails where something does not hold.
pub type Check = fn(&[u8]);

/// A check by its name, which is that of its target and of the folder of its corpus.
pub const ALL: [(&str, Check); 11] = [
    ("framing", framing),
    ("text", text_lines),
    ("requests", requests),
    ("events", events),
    ("admin", admin_requests),
    ("config", configuration),
    ("names", names),
    ("telnet", telnet),
    ("greeting", greeting),
    ("proxy", proxy_header),
    ("handover", handover),
];

/// Lines are the same however the bytes arrive, and are what a simple reading of all of them gives.
pub fn framing(data: &[u8]) {
    let Some((&[limit, split], bytes)) = data.split_first_chunk() else { return };
    let limit = usize::from(limit);
    let lines = bytes.split_inclusive(|&byte| byte == b'\n' || byte == 0);
    let expected: Vec<Frame> = lines
        // Bytes behind the last line end are not a whole line, and a NUL behind another one ends nothing.
        .filter(|&line| line != [0] && (line.ends_with(b"\n") || line.ends_with(&[0])))
        .map(|line| {
            let whole = &line[..line.len() - 1];
            let returns = whole.iter().rev().take_while(|&&byte| byte == b'\r').count();
            let line = &whole[..whole.len() - returns];
            match line.len() > limit || whole.len() > limit + 1 {
                true => Frame::TooLong,
                false => Frame::Line(line.to_vec()),
            }
        })
        .collect();
    for size in [bytes.len().max(1), usize::from(split).max(1), 1] {
        let (mut framer, mut frames) = (Framer::new(limit), Vec::new());
        bytes.chunks(size).for_each(|piece| framer.push(piece, &mut frames));
        assert_eq!(frames, expected, "in pieces of {size}");
    }
    // And where another process goes on with it.
    let (mut framer, mut frames) = (Framer::new(limit), Vec::new());
    for piece in bytes.chunks(usize::from(split).max(1)) {
        framer.push(piece, &mut frames);
        let saved = serde_json::to_vec(&framer).expect("a framer can be packed");
        framer = serde_json::from_slice(&saved).expect("and unpacked");
    }
    assert_eq!(frames, expected, "packed and unpacked");
}

/// A line is a request, whatever it is; what is not a command is what was typed.
pub fn text_lines(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    match text::parse(line) {
        text::TextRequest::Say(said) => assert_eq!(said, line.trim_end()),
        text::TextRequest::Action(said) => assert!(line.starts_with("!me ") && line.contains(said)),
        text::TextRequest::KeepAlive => assert_eq!(line.trim_end(), "&"),
        text::TextRequest::History(count) => {
            assert!(line.starts_with("!history") && (1..=text::MAX_HISTORY).contains(&count));
        }
        text::TextRequest::Search(said) => {
            assert!(line.starts_with("!search ") && line.contains(said));
        }
        // Users who know other chats are told how commands begin here.
        text::TextRequest::Incomplete(_) => assert!(line.starts_with(['!', '/'])),
        _ => assert!(line.starts_with('!')),
    }
    let clean = clean::line(line);
    assert!(!clean.contains(clean::is_unsafe), "{clean:?}");
    assert_eq!(clean::line(&clean), clean, "cleaning twice is cleaning once");
    let squeezed = clean::squeezed(&clean);
    assert_eq!(clean::squeezed(&squeezed), squeezed, "squeezing twice is squeezing once");
    assert_eq!(clean::line(&squeezed), squeezed, "what is squeezed is clean");
    let is_seen = |c: &char| !characters::is_invisible(*c) || characters::is_blank(*c);
    let chars: Vec<char> = squeezed.chars().filter(is_seen).collect();
    assert!(!chars.windows(2).any(|pair| pair.iter().all(|&c| characters::is_blank(c))));
    assert_eq!(clean::is_visible(&squeezed), clean::is_visible(&clean));
}

/// A valid request is read back unchanged; an invalid one is refused in a sentence without control codes.
pub fn requests(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    match json::parse_request(line) {
        Ok(request) => {
            let written = serde_json::to_string(&request).expect("a request can be written");
            let read = json::parse_request(&written).expect("and read");
            assert_eq!(serde_json::to_string(&read).ok(), Some(written));
        }
        Err((refusal, id)) => {
            assert!(!refusal.to_string().is_empty() && !refusal.code().is_empty());
            assert!(id.is_none_or(|id| id.len() <= json::MAX_ID_BYTES));
        }
    }
}

/// Any line of a server is an event or is not; decoding it twice gives the same.
pub fn events(data: &[u8]) {
    let read = || serde_json::from_slice::<Event<'_>>(data).ok();
    assert_eq!(format!("{:?}", read()), format!("{:?}", read()));
}

/// As [`requests`], for what `chatctl` asks.
pub fn admin_requests(data: &[u8]) {
    let Ok(request) = serde_json::from_slice::<admin::AdminRequest>(data) else { return };
    let written = serde_json::to_vec(&request).expect("a request can be written");
    let read: admin::AdminRequest = serde_json::from_slice(&written).expect("and read");
    assert_eq!(read, request);
    assert!(!request.command().is_empty());
}

/// Every problem has its line, and a configuration that is right is right again.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(text) {
        Ok(config) => {
            assert!(!config.listen.chat.is_empty() || !config.listen.tls.is_empty());
            assert!(config.history.replay <= 200);
            assert_eq!(Config::parse(text), Ok(config));
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count().max(1) + 1;
            assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
            assert!(problems.is_sorted_by_key(|problem| problem.line), "{problems:?}");
        }
    }
}

/// A name that may be one is short, visible and one word, and stays what it is. It is none of the
/// server's, and begins no line of the protocol.
pub fn names(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    assert_eq!(fold(&fold(input)), fold(input), "folding twice is folding once");
    assert!(skeletons_of(input).contains(&skeleton_of(input)) && are_confusable(input, input));
    let Ok(name) = Name::new(input) else { return };
    let shown = name.as_str();
    assert_eq!(Name::new(shown).as_ref(), Ok(&name));
    assert_eq!(Name::from_store(shown), name);
    assert!((SHORTEST..=LONGEST * 64).contains(&shown.len()) && shown.len() <= MAX_BYTES);
    assert_eq!(clean::line(shown), shown);
    assert_eq!(clean::squeezed(shown), shown);
    assert_eq!(skeleton_of(name.folded()), skeleton_of(shown), "capitals look the same");
    check_properties(shown);
    for reserved in ["server", "[server]", "system", "admin", "operator", "moderator", "chatroomd"]
    {
        assert!(!are_confusable(shown, reserved), "{shown} {reserved}");
    }
    let is_letter = |c: char| !c.is_ascii() && c.is_alphabetic();
    if !shown.starts_with(is_letter) {
        const BEGINNINGS: [char; 8] = ['!', '&', '#', '@', '{', '[', '/', '*'];
        assert!(
            !skeletons_of(shown).iter().any(|skeleton| skeleton.starts_with(BEGINNINGS)),
            "{shown}"
        );
    }
}

/// The properties of the characters of a name.
fn check_properties(name: &str) {
    let is_something = |c| characters::is_readable(c) || characters::is_emoji(c) || c == '\u{20e3}';
    assert!(name.contains(is_something) || name.contains('\u{1f3f4}'), "{name:?}");
    for (at, c) in name.char_indices() {
        assert!(c != ':' && !c.is_control() && !characters::is_blank(c), "{name:?}");
        if characters::is_invisible(c) {
            // It joins, or is part of an emoji: never at the beginning.
            let is_of_emoji = matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}');
            assert!(at > 0 && (matches!(c, '\u{200c}' | '\u{200d}') || is_of_emoji), "{name:?}");
            continue;
        }
        let is_kind = match characters::kind(c) {
            Kind::Letter | Kind::Number | Kind::Mark | Kind::Currency => true,
            Kind::Punctuation => true,
            Kind::Symbol => c.is_ascii() || characters::is_emoji(c),
            Kind::Enclosing => c == '\u{20e3}',
            Kind::Space | Kind::Other => false,
        };
        assert!(is_kind, "{name:?}");
    }
}

/// Telnet negotiation is removed, and nothing else.
pub fn telnet(data: &[u8]) {
    let mut line = data.to_vec();
    strip_telnet(&mut line);
    if !data.contains(&0xFF) {
        assert_eq!(line, data);
    }
    let all: BTreeSet<u8> = data.iter().copied().collect();
    assert!(line.len() <= data.len() && line.iter().all(|byte| all.contains(byte)));
}

/// The first line is judged the same however it arrives: what has been foreign is never ours with
/// more of the same line, and what is ours stays so.
pub fn greeting(data: &[u8]) {
    let whole = judge(data);
    for end in 0..data.len().min(4096) {
        match (judge(&data[..end]), whole) {
            (Verdict::Ours, Verdict::Foreign(foreign)) => panic!("{end} bytes hide {foreign:?}"),
            (Verdict::Foreign(foreign), Verdict::Ours) => panic!("{end} bytes show {foreign:?}"),
            _ => {}
        }
    }
    let mut telnet = Telnet::default();
    let pieces: Vec<u8> = data.chunks(3).flat_map(|it| telnet.strip(it).into_owned()).collect();
    assert_eq!(pieces, *Telnet::default().strip(data), "in pieces");
}

/// A header ends in the same place however it arrives and whatever follows, and says the same in the
/// other version. What is none is none with more behind it.
pub fn proxy_header(data: &[u8]) {
    let whole = proxy::read(data);
    for end in 0..data.len().min(MAX_HEADER) {
        match (proxy::read(&data[..end]), whole) {
            (Ok(Progress::Incomplete), _) => {}
            (Ok(Progress::Complete(header)), whole) => {
                assert!(header.length <= end, "{header:?} of {end} bytes");
                assert_eq!(whole, Ok(Progress::Complete(header)));
            }
            (Err(_), whole) => assert!(whole.is_err(), "{end} bytes are none, all {whole:?}"),
        }
    }
    match whole {
        Ok(Progress::Incomplete) => assert!(data.len() < MAX_HEADER, "it never ends"),
        Ok(Progress::Complete(header)) => {
            assert!(header.length <= data.len().min(MAX_HEADER));
            let Some(client) = header.client else { return };
            let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
            let (ip, port) = (client.ip(), client.port());
            let line = format!("PROXY {family} {ip} {ip} {port} {port}\r\n");
            let Ok(Progress::Complete(again)) = proxy::read(line.as_bytes()) else {
                panic!("{line:?} is no header")
            };
            assert_eq!(again.client, Some(client));
        }
        Err(problem) => assert!(!problem.as_str().is_empty()),
    }
}

/// A state that one process can read is read by the next one, too; and what it resumes takes
/// whatever comes.
pub fn handover(data: &[u8]) {
    let Ok(saved) = SavedState::decode(data) else { return };
    let written = saved.encode().expect("a state can be written");
    assert_eq!(SavedState::decode(&written).expect("and read"), saved);
    for connection in saved.connections {
        let input = connection.input;
        if let Some(name) = input.name.as_deref() {
            assert_eq!(Name::from_store(name).as_str(), name);
        }
        let (mut framer, mut frames) = (input.framer, Vec::new());
        framer.push(data, &mut frames);
        framer.push(b"\n", &mut frames);
        assert!(!frames.is_empty(), "a line that ends is one");
    }
}

/// Runs the check of a name.
pub fn run(name: &str, data: &[u8]) {
    let check = ALL.iter().find(|(other, _)| *other == name);
    check.unwrap_or_else(|| panic!("there is no check {name}")).1(data);
}
