//! Black-box tests: the real programs over real sockets.
//!
//! None of them sleeps to be right: each waits for what it expects, and a time is only the bound
//! after which waiting counts as a failure. Each daemon has its own folder and a port that the
//! system chose.

// In a test, what is not as it should be is to fail at once and where it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod accounts;
mod audit;
mod by_hand;
mod chance;
mod chat;
mod client;
mod completion;
mod crowd;
mod ctl;
mod ctl_show;
mod daemon;
mod delay;
mod doctor;
mod documents;
mod faults;
mod foreign;
mod handover;
mod harness;
mod history;
mod hostile;
mod hostile_strings;
mod imports;
mod json;
mod ledger;
mod ledger_client;
mod ledger_faults;
mod lifecycle;
mod limits;
mod log;
mod metrics;
mod moderation;
mod mutated;
mod names;
mod network;
mod output;
mod permissions;
mod places;
mod planted;
mod protocol_doc;
mod proxy;
mod proxy_clients;
mod proxy_ports;
mod reaching;
mod redaction;

mod reload;
mod resume;
mod sanctions_stay;
mod scarcity;
mod screen;
mod script_client;
mod shown_text;
mod starts;
mod storage;
mod targets;
mod tls;
mod turns;
mod watch;
mod ways_of_speaking;
