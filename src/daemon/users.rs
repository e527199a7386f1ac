//! Names of system users, for the log and the audit.

use std::fs;

use chatroom::clean::word;

/// The file with users and their names. It does not contain users of a directory service, which are
/// shown as numbers.
const FILE: &str = "/etc/passwd";

/// A user, such as "root (uid 0)", or "uid 7" without a known name.
pub fn shown(uid: u32) -> String {
    let users = fs::read_to_string(FILE).unwrap_or_default();
    match name(&users, uid) {
        Some(name) => format!("{} (uid {uid})", word(name)),
        None => format!("uid {uid}"),
    }
}

/// The beginning of a stored author who used `chatctl`; the number follows.
const UID: &str = "uid ";

/// The users of this machine, read once to show many.
pub struct Users(String);

impl Users {
    pub fn read() -> Users {
        Users(fs::read_to_string(FILE).unwrap_or_default())
    }

    /// A stored author, such as "uid 0, process 7", with the name instead of the number ("root, process
    /// 7"), and the number.
    pub fn resolve(&self, by: &str) -> (String, Option<u32>) {
        let number = by.strip_prefix(UID).map(|rest| rest.split(',').next().unwrap_or(rest));
        let Some(uid) = number.and_then(|number| number.parse().ok()) else {
            return (by.to_owned(), None);
        };
        let rest = &by[UID.len() + number.map_or(0, str::len)..];
        let shown = name(&self.0, uid).map(|name| format!("{}{rest}", word(name)));
        (shown.unwrap_or_else(|| by.to_owned()), Some(uid))
    }
}

/// Each line describes a user: name, password, number and more, separated by colons (passwd(5)).
fn name(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next().filter(|name| !name.is_empty())?;
        (parts.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_knows() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\n\n:x:8:\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name(users, 0), Some("root"));
        assert_eq!(name(users, 1000), Some("ann"));
        assert_eq!((name(users, 8), name(users, 7), name("", 0)), (None, None, None));
        assert_eq!(shown(u32::MAX - 7), format!("uid {}", u32::MAX - 7));
    }

    #[test]
    fn only_what_is_stored_of_a_user_is_resolved() {
        let users = Users("root:x:0:0::/root:/bin/bash\n".to_owned());
        let resolved = |by: &str| users.resolve(by);
        assert_eq!(resolved("uid 0, process 12"), ("root, process 12".to_owned(), Some(0)));
        assert_eq!(resolved("uid 0"), ("root".to_owned(), Some(0)));
        assert_eq!(resolved("uid 7, process 1"), ("uid 7, process 1".to_owned(), Some(7)));
        assert_eq!(resolved("account uid 0"), ("account uid 0".to_owned(), None));
        assert_eq!(resolved("uid nobody"), ("uid nobody".to_owned(), None));
    }
}
