//! What the system calls its users, for the log.

use std::fs;

use chatroom::clean::word;

/// Where names of users are. Those of a directory service are not there; then the number serves.
const FILE: &str = "/etc/passwd";

/// A user, as in "root (uid 0)"; "uid 7" if they have no name.
pub fn shown(uid: u32) -> String {
    let users = fs::read_to_string(FILE).unwrap_or_default();
    match name(&users, uid) {
        Some(name) => format!("{} (uid {uid})", word(name)),
        None => format!("uid {uid}"),
    }
}

/// A line is a user: name, password, number, and more, between colons (passwd(5)).
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
}
