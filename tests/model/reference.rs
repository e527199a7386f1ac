//! The reference: lists that are searched from their beginning.

use std::collections::BTreeMap;

use chatroom::confusables::skeleton_of;

/// A record without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Message(String, String),
    Action(String, String),
    Joined(String),
    Left(String, &'static str),
    Topic(String),
    Renamed(String, String),
    Redacted(Vec<u64>),
}

/// A record, with what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub said: Said,
    pub session: Option<u64>,
    pub id: Option<String>,
}

/// The effect of all requests so far, as if everything could be stored.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// The members, in the order in which they joined.
    pub members: Vec<(u64, String)>,
    pub log: Vec<Line>,
    /// Until which second a name is banned; none is for ever.
    pub bans: BTreeMap<String, Option<i64>>,
}

/// The longest text.
pub const MAX_BYTES: usize = 20;

/// The outcome of a request: the number of its record, or the code of the refusal.
pub type Outcome = Result<u64, &'static str>;

impl Reference {
    fn add(&mut self, said: Said, session: Option<u64>, id: Option<String>) -> Outcome {
        self.log.push(Line { said, session, id });
        Ok(self.log.len() as u64)
    }

    fn name(&self, session: u64) -> Option<String> {
        let found = self.members.iter().find(|(other, _)| *other == session);
        found.map(|(_, name)| name.clone())
    }

    /// The reason why a name is refused.
    fn check_name(&self, name: &str) -> Result<(), &'static str> {
        // The names of the test differ in case and width, or are different.
        let same =
            |other: &str| chatroom::confusables::fold(other) == chatroom::confusables::fold(name);
        if self.members.iter().any(|(_, other)| same(other)) {
            return Err("name-taken");
        }
        match self.members.iter().any(|(_, other)| skeleton_of(other) == skeleton_of(name)) {
            true => Err("name-looks-like"),
            false => Ok(()),
        }
    }

    pub fn is_banned(&self, name: &str, now: i64) -> bool {
        self.bans.iter().any(|(banned, until)| {
            skeleton_of(banned) == skeleton_of(name) && until.is_none_or(|until| now < until)
        })
    }

    pub fn join(&mut self, session: u64, name: &str) -> Outcome {
        self.check_name(name)?;
        self.members.push((session, name.to_owned()));
        self.add(Said::Joined(name.to_owned()), Some(session), None)
    }

    pub fn say(&mut self, session: u64, action: bool, text: &str, id: Option<String>) -> Outcome {
        let name = self.name(session).ok_or("not-joined")?;
        let same = |line: &Line| id.is_some() && line.session == Some(session) && line.id == id;
        if let Some(place) = self.log.iter().position(same) {
            return Ok(place as u64 + 1);
        }
        let text = checked(text)?;
        let said = if action { Said::Action(name, text) } else { Said::Message(name, text) };
        self.add(said, Some(session), id)
    }

    pub fn leave(&mut self, session: u64, how: &'static str) -> Outcome {
        let name = self.name(session).ok_or("not-joined")?;
        self.members.retain(|(other, _)| *other != session);
        self.add(Said::Left(name, how), Some(session), None)
    }

    pub fn rename(&mut self, session: u64, to: &str) -> Outcome {
        let name = self.name(session).ok_or("not-joined")?;
        let mut others = self.clone();
        others.members.retain(|(other, _)| *other != session);
        others.check_name(to)?;
        let member = self.members.iter_mut().find(|(other, _)| *other == session).unwrap();
        member.1 = to.to_owned();
        self.add(Said::Renamed(name, to.to_owned()), None, None)
    }

    pub fn topic(&mut self, text: &str) -> Outcome {
        let text = if text.is_empty() { String::new() } else { checked(text)? };
        self.add(Said::Topic(text), None, None)
    }

    pub fn redact(&mut self, seq: u64) -> Outcome {
        self.add(Said::Redacted(vec![seq]), None, None)
    }
}

/// A text as it may be seen. The texts of the test are few.
fn checked(text: &str) -> Result<String, &'static str> {
    match text {
        _ if text.len() > MAX_BYTES => Err("too-long"),
        "" | " \t" | "\u{202e}" => Err("empty"),
        "a\u{1b}[2Jb" => Ok("a[2Jb".to_owned()),
        _ => Ok(text.to_owned()),
    }
}
