//! Recognises other protocols by their first line.

/// The protocol of a client that has connected to the wrong port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Tls,
    Http,
    Ssh,
    Smtp,
    Ftp,
    Irc,
    Imap,
    Rtsp,
    Sip,
    Redis,
    Memcached,
    Stomp,
    Postgres,
    Xml,
    /// A header of the PROXY protocol, from an address that is not a trusted proxy.
    Proxy,
    Binary,
    /// Something else that is not a name.
    Unknown,
    /// Text in another encoding.
    Utf16,
    /// A line that is longer than a first line can be.
    TooLong,
}

impl Foreign {
    /// Its name in [`crate::room::EndReason::Foreign`].
    pub fn as_str(self) -> &'static str {
        match self {
            Foreign::Tls => "TLS",
            Foreign::Http => "HTTP",
            Foreign::Ssh => "SSH",
            Foreign::Smtp => "SMTP",
            Foreign::Ftp => "FTP or POP3",
            Foreign::Irc => "IRC",
            Foreign::Imap => "IMAP",
            Foreign::Rtsp => "RTSP",
            Foreign::Sip => "SIP",
            Foreign::Redis => "the protocol of Redis",
            Foreign::Memcached => "the protocol of memcached",
            Foreign::Stomp => "STOMP",
            Foreign::Postgres => "the protocol of PostgreSQL",
            Foreign::Xml => "XML",
            Foreign::Proxy => crate::room::NO_PROXY,
            Foreign::Binary => "that binary protocol",
            Foreign::Unknown => "that protocol",
            Foreign::Utf16 => crate::room::NO_UTF16,
            Foreign::TooLong => crate::room::FIRST_LINE_TOO_LONG,
        }
    }

    /// The protocol that a complete line before there is a name belongs to.
    pub fn of_line(line: &str) -> Option<Foreign> {
        let line = line.trim();
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        match words.next() {
            None => of_word(first),
            Some(second) => of_words(line, first, second).or_else(|| of_header(line)),
        }
    }

    /// The protocol that a line without an end belongs to.
    pub fn of_beginning(line: &str) -> Option<Foreign> {
        let (word, rest) = line.trim_start().split_once(' ')?;
        of_verb(word).or_else(|| (is_method(word) && is_target(rest)).then_some(Foreign::Http))
    }
}

/// Whether a line without an end can become one of another protocol.
pub fn may_become_foreign(line: &str) -> bool {
    let line = line.trim_start();
    let is_token = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let begins_a_verb = |word: &str| {
        let all = VERBS.iter().map(|(verb, _)| *verb).chain(METHODS.iter().copied());
        let word = word.to_ascii_uppercase();
        all.into_iter().any(|verb| verb.starts_with(&word))
    };
    // A line with a space in it is not a name.
    line.contains(' ') || is_token(line) || begins_a_verb(line)
}

/// Words that begin a line of another protocol when more words follow.
const VERBS: &[(&str, Foreign)] = &[
    ("EHLO", Foreign::Smtp),
    ("HELO", Foreign::Smtp),
    ("LHLO", Foreign::Smtp),
    ("NICK", Foreign::Irc),
    ("CAP", Foreign::Irc),
    ("PASS", Foreign::Irc),
    ("USER", Foreign::Ftp),
    ("AUTH", Foreign::Ftp),
    ("PROXY", Foreign::Proxy),
    ("SELECT", Foreign::Redis),
    ("CONFIG", Foreign::Redis),
    ("CLIENT", Foreign::Redis),
    ("COMMAND", Foreign::Redis),
    ("EVAL", Foreign::Redis),
    ("SLAVEOF", Foreign::Redis),
    ("REPLICAOF", Foreign::Redis),
    ("@RSYNCD:", Foreign::Unknown),
    ("@PJL", Foreign::Unknown),
    ("BEGIN", Foreign::Unknown),
];

/// Words that alone are a line of another protocol, and hardly a name.
const ALONE: &[(&str, Foreign)] = &[
    ("EHLO", Foreign::Smtp),
    ("HELO", Foreign::Smtp),
    ("STARTTLS", Foreign::Smtp),
    ("NOOP", Foreign::Smtp),
    ("RSET", Foreign::Smtp),
    ("CAPA", Foreign::Ftp),
    ("FEAT", Foreign::Ftp),
    ("SYST", Foreign::Ftp),
    ("QUIT", Foreign::Ftp),
    ("PING", Foreign::Redis),
    ("INFO", Foreign::Redis),
    ("COMMAND", Foreign::Redis),
    ("DBSIZE", Foreign::Redis),
    ("FLUSHALL", Foreign::Redis),
    ("FLUSHDB", Foreign::Redis),
    ("MONITOR", Foreign::Redis),
    ("SHUTDOWN", Foreign::Redis),
    ("stats", Foreign::Memcached),
    ("version", Foreign::Memcached),
    ("flush_all", Foreign::Memcached),
    ("CONNECT", Foreign::Stomp),
    ("STOMP", Foreign::Stomp),
    ("AMQP", Foreign::Binary),
    ("PROXY", Foreign::Proxy),
];

/// The methods of HTTP that are recognized without a version after them.
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI",
    "PROPFIND",
];

/// Header fields of HTTP, SIP and mail, in addition to those with a hyphen.
const FIELDS: &[&str] = &[
    "host",
    "accept",
    "connection",
    "cookie",
    "origin",
    "referer",
    "upgrade",
    "via",
    "from",
    "to",
    "cseq",
    "date",
    "subject",
    "range",
    "expect",
    "te",
    "trailer",
    "pragma",
    "dnt",
    "action",
    "authorization",
    "contact",
    "allow",
    "server",
    "expires",
    "etag",
    "forwarded",
];

fn of_word(word: &str) -> Option<Foreign> {
    let upper = word.to_ascii_uppercase();
    // RFC 4253, section 4.2.
    if upper.starts_with("SSH-") {
        return Some(Foreign::Ssh);
    }
    if word.starts_with('<') {
        return Some(Foreign::Xml);
    }
    // RESP: an array or a string, with its length.
    let length = word.strip_prefix(['*', '$']);
    if length.is_some_and(|digits| digits.parse::<i64>().is_ok()) {
        return Some(Foreign::Redis);
    }
    if is_git(word) {
        return Some(Foreign::Unknown);
    }
    ALONE.iter().find(|(alone, _)| *alone == word).map(|(_, foreign)| *foreign)
}

fn of_words(line: &str, first: &str, second: &str) -> Option<Foreign> {
    if let Some(foreign) = of_version(line, first) {
        return Some(foreign);
    }
    let upper = first.to_ascii_uppercase();
    match &*upper {
        // IRC names a user with four words, the others with one.
        "USER" if line.split_ascii_whitespace().count() > 3 => return Some(Foreign::Irc),
        _ if upper.starts_with("SSH-") => return Some(Foreign::Ssh),
        "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" => return Some(Foreign::Http),
        "RFB" if second.starts_with(|c: char| c.is_ascii_digit()) => return Some(Foreign::Unknown),
        // Programs write these in capitals or in small letters, humans with a capital first letter.
        "GET" | "SET" | "DEL" | "GETS" | "ADD" | "HELLO" | "MGET" | "KEYS"
            if !is_target(second) =>
        {
            let is_redis = first == upper;
            let is_memcached = *first == *"set" && line.split_ascii_whitespace().count() >= 5;
            return match (is_redis, is_memcached) {
                (true, _) => Some(Foreign::Redis),
                (_, true) => Some(Foreign::Memcached),
                _ => None,
            };
        }
        _ if is_method(first) && is_target(second) => return Some(Foreign::Http),
        _ => {}
    }
    if first.starts_with('<') {
        return Some(Foreign::Xml);
    }
    if is_git(first) {
        return Some(Foreign::Unknown);
    }
    of_verb(first).or_else(|| of_tag(first, second))
}

/// Recognises a request line by the version of its protocol, with which it ends (RFC 9112, section 3),
/// whatever its method is.
fn of_version(line: &str, first: &str) -> Option<Foreign> {
    let is_token =
        first.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_!#$%&'*+.^`|~".contains(&byte));
    let words = line.split_ascii_whitespace().skip(1);
    let has_target = words.clone().next().is_some_and(is_target);
    let named = |word: &str| {
        let (name, version) = word.split_once('/')?;
        let is_version = version.starts_with(|c: char| c.is_ascii_digit());
        match (is_version, &*name.to_ascii_uppercase()) {
            (true, "HTTP") => Some(Foreign::Http),
            (true, "RTSP") => Some(Foreign::Rtsp),
            (true, "SIP") => Some(Foreign::Sip),
            (true, "ICAP") => Some(Foreign::Unknown),
            _ => None,
        }
    };
    // "I like HTTP/2" is not a request.
    let is_request = first.len() >= 3 || has_target || line.contains("HTTP/1.");
    words.filter_map(named).next().filter(|_| is_token && is_request)
}

fn of_verb(word: &str) -> Option<Foreign> {
    let upper = word.to_ascii_uppercase();
    VERBS.iter().find(|(verb, _)| *verb == upper).map(|(_, foreign)| *foreign)
}

/// Recognises a command of IMAP, which follows a tag.
fn of_tag(tag: &str, command: &str) -> Option<Foreign> {
    let digits = tag.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    let is_tag = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let commands = ["CAPABILITY", "LOGIN", "AUTHENTICATE", "STARTTLS", "ID", "LOGOUT", "NOOP"];
    let is_command = commands.contains(&&*command.to_ascii_uppercase());
    (is_tag && is_command).then_some(Foreign::Imap)
}

/// Recognises a line of a header, which is not a name.
fn of_header(line: &str) -> Option<Foreign> {
    let (field, _) = line.split_once(": ")?;
    let is_field = |field: &str| {
        field.contains('-')
            && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            || FIELDS.contains(&&*field.to_ascii_lowercase())
    };
    is_field(field).then_some(Foreign::Unknown)
}

fn is_git(word: &str) -> bool {
    let (Some(length), Some(rest)) = (word.get(..4), word.get(4..)) else { return false };
    length.bytes().all(|byte| byte.is_ascii_hexdigit()) && rest.starts_with("git-")
}

fn is_method(word: &str) -> bool {
    METHODS.contains(&&*word.to_ascii_uppercase())
}

/// Whether a word looks like the target of a request.
fn is_target(word: &str) -> bool {
    word.starts_with('/') || word.starts_with("* ") || word == "*" || word.contains("://")
}

#[cfg(test)]
mod tests;
