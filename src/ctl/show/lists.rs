//! Tables of users, bans, accounts and audit entries.

use std::cmp::Reverse;
use std::net::SocketAddr;

use chatroom::admin::{AccountInfo, AuditEntry, Ban, User};
use jiff::Timestamp;

use super::{local_time, seconds, size};
use crate::args::SortKey;
use crate::table::{Column, table};

/// Sorts users. The sort is stable: users with equal keys stay in the order of their names.
pub fn sort(users: &mut [User], by: SortKey) {
    match by {
        SortKey::Name => {}
        SortKey::Since => users.sort_by_key(|user| user.since),
        // Addresses are compared as numbers. Unknown ones are last.
        SortKey::Address => users.sort_by_key(|user| {
            let address = user.address.parse::<SocketAddr>().ok();
            (address.is_none(), address.map(|it| (it.ip().to_canonical(), it.port())))
        }),
        SortKey::Idle => users.sort_by_key(|user| Reverse(idle(user))),
    }
}

/// The users in the room.
pub fn users(users: &[User], now: Timestamp, width: Option<usize>) -> String {
    if users.is_empty() {
        return "The room is empty.\n".to_owned();
    }
    let columns = [
        Column::flexible("NAME", 11),
        Column::flexible("ADDRESS", 21),
        Column::new("SINCE"),
        Column::new("IDLE"),
        Column::new("DIALECT").dispensable(1),
        Column::flexible("STATE", 9),
        Column::new("IN").dispensable(2),
        Column::new("OUT").dispensable(3),
    ];
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            [
                user.name.clone(),
                known(&user.address),
                local_time(user.since, now),
                largest_unit(idle(user)),
                user.dialect.clone(),
                state(user),
                size(user.bytes_in),
                size(user.bytes_out),
            ]
        })
        .collect();
    table(&columns, &rows, width)
}

/// The seconds since the last input or, if the connection is lost, since that.
fn idle(user: &User) -> u64 {
    user.away_seconds.unwrap_or(user.idle_seconds)
}

/// The state of a user in words.
fn state(user: &User) -> String {
    let all = [
        (user.away_seconds.is_some(), "detached"),
        (user.muted, "muted"),
        (user.operator, "operator"),
    ];
    let words: Vec<&str> = all.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    words.join(", ")
}

fn known(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// A duration in its largest unit.
fn largest_unit(duration: u64) -> String {
    let shown = seconds(duration);
    shown.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The bans and mutes.
pub fn bans(bans: &[Ban], now: Timestamp, width: Option<usize>) -> String {
    if bans.is_empty() {
        return "There are no bans or mutes.\n".to_owned();
    }
    let columns = [
        Column::new("KIND"),
        Column::flexible("AGAINST", 14),
        Column::new("UNTIL"),
        Column::new("SINCE").dispensable(2),
        Column::flexible("BY", 10),
        Column::flexible("REASON", 16),
    ];
    let rows: Vec<_> = bans
        .iter()
        .map(|ban| {
            [
                ban.kind.clone(),
                ban.target.clone(),
                ban.until.map_or_else(|| "permanent".to_owned(), |until| local_time(until, now)),
                local_time(ban.since, now),
                // Without the process id, which is in the audit.
                ban.by.split(", process").next().unwrap_or_default().to_owned(),
                ban.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(&columns, &rows, width)
}

/// The audit.
pub fn audit(entries: &[AuditEntry], now: Timestamp, width: Option<usize>) -> String {
    let columns = [
        Column::new("TIME"),
        Column::flexible("BY", 16),
        Column::flexible("WHAT", 10),
        Column::flexible("ABOUT", 16),
    ];
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let AuditEntry { time, by, what, target, .. } = entry;
            [local_time(*time, now), by.clone(), what.clone(), target.clone()]
        })
        .collect();
    table(&columns, &rows, width)
}

/// The accounts.
pub fn accounts(accounts: &[AccountInfo], now: Timestamp, width: Option<usize>) -> String {
    if accounts.is_empty() {
        return "There are no accounts. `chatctl account add NAME` creates one.\n".to_owned();
    }
    let columns = [
        Column::flexible("NAME", 12),
        Column::new("OPERATOR"),
        Column::new("LOCKED"),
        Column::new("SINCE").dispensable(1),
    ];
    let yes = |is: bool| if is { "yes" } else { "" }.to_owned();
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            let AccountInfo { name, operator, locked, since } = account;
            [name.clone(), yes(*operator), yes(*locked), local_time(*since, now)]
        })
        .collect();
    table(&columns, &rows, width)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn user(name: &str, address: &str, idle_seconds: u64) -> User {
        User {
            name: name.to_owned(),
            address: address.to_owned(),
            dialect: "text".to_owned(),
            since: Timestamp::from_second(1_000_000_000 - idle_seconds as i64).unwrap(),
            away_seconds: None,
            operator: false,
            muted: false,
            idle_seconds,
            bytes_in: 10,
            bytes_out: 2048,
            behind: 0,
        }
    }

    #[test]
    fn the_widest_rows_fit_80_columns() {
        let mut one = user("w", "10.100.100.100:53000", 86_399);
        one.name = "w".repeat(32);
        let mut other = user("日本日本日本日本日本日本", "[2001:db8:1:2:3:4:5:6]:53000", 3599);
        (other.operator, other.muted, other.away_seconds) = (true, true, Some(7));
        let shown = users(&[one, other], Timestamp::MAX, Some(80));
        assert!(shown.lines().all(|line| line.width() <= 80), "{shown}");
        for part in ["10.100.100.100:53000", "2001-09-0", "23 h", "7 s", "detached", "…"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
    }

    #[test]
    fn users_are_sorted() {
        let mut users = [
            user("ann", "10.0.0.10:1", 5),
            user("bo", "", 50),
            user("cy", "10.0.0.9:7", 500),
            user("di", "10.0.0.9:30", 1),
        ];
        let mut order = |by| {
            users.sort_by(|a, b| a.name.cmp(&b.name));
            sort(&mut users, by);
            users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(SortKey::Name), "ann bo cy di");
        assert_eq!(order(SortKey::Address), "cy di ann bo");
        assert_eq!(order(SortKey::Idle), "cy bo ann di");
        assert_eq!(order(SortKey::Since), "cy bo ann di");
    }
}
