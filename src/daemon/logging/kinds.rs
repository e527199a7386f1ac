//! The kinds of events, with ids to search the journal: journalctl MESSAGE_ID=...
//!
//! The name of an event is its field `event`. packaging/chatroomd.catalog, which `journalctl -x` shows,
//! explains each event and what to do about it.

use tracing_journald::Priority::{self, Critical, Debug, Error, Informational, Notice, Warning};

/// The events with their ids and priorities. An id is never reused for another event:
/// https://systemd.io/CATALOG/
pub const KINDS: &[(&str, &str, Priority)] = &[
    ("accept-failed", "f6fadfa7e5c14b629362da5cc13da58a", Warning),
    ("admin", "2c63888f28f04481be6ddce7a7ace732", Notice),
    ("admin-failed", "e94694ef2b3e43aa954758327153576a", Notice),
    ("admin-look", "91921bbc43d4442db37d63136eba7185", Debug),
    ("admin-refused", "8a119b9e16bc47328f7b7676d015b0dc", Warning),
    ("announcement-failed", "bc67ba94637d4efaa09e467ada679f81", Warning),
    ("certificate", "fab36728a78b4b7e8787c0de2f960063", Informational),
    ("configuration-kept", "bc0dab32eaaa42e889b80d7b4de44c7b", Error),
    ("degraded", "a712755f6cac44d599d5269512e74f7b", Critical),
    ("disconnected", "ac8efe121c5949f1ba2dde83458bfed0", Informational),
    ("expired", "fa210ad2d4f14a0daf17f5fe1c881456", Informational),
    ("grace-over", "5796a670482c490e8d9782bfcdc83011", Warning),
    ("handed-over", "0b80a25553a14945a93258ef7777682c", Notice),
    ("history-damaged", "86e6104556674fa0b166f635e05a4d9f", Critical),
    ("history-exchanged", "11dd6efd6ac24b05bf8f97f09d7153f1", Warning),
    ("joined", "45ac16b9c20d4c218f8a7abff2e91ac7", Informational),
    ("limit-lowered", "dd2ee150d2844277b89c1af40ce8fcc9", Warning),
    ("limit-not-raised", "3c3ae353fb14428e90b401a6c1cc0aff", Warning),
    ("lines-dropped", "b9c8b9ffe46e46279419c7723226db94", Warning),
    ("listening", "bbeeb6361d334c6d96f0da847a2a3b87", Informational),
    ("log-held", "d7c2ca7e5a5b4a1db005d53d107a7bba", Warning),
    ("log-released", "6df7095f8e3e40b997624fea2fa77705", Notice),
    ("moderation", "68e58909ccb24416925a56c9a30f4300", Notice),
    ("needs-restart", "ff53a46f5ead403a84c4b877678537a3", Warning),
    ("no-admin-socket", "bbf6fc2a0099431c86014144a4516c1d", Error),
    ("no-longer-listening", "e179f773a6e043c09514b7dde2ad0478", Notice),
    ("no-metrics", "0c28cec1b94742afa4b936976b4b76b0", Error),
    ("no-password", "7c31b14521e54bc788cc91c6039c22d8", Error),
    ("no-proxy-header", "a3b8758136ad4f32bba00a298f188ac8", Warning),
    ("no-state", "a398d022d4354df48322905089933837", Warning),
    ("no-token", "4c8b1eb44f1e4ccf8372a2a784a67245", Error),
    ("not-handed-over", "ac9130f4547c47d38e3a655f20731ab2", Error),
    ("not-kept", "ca3ab343ac334b68be9bf77c6519a9d5", Warning),
    ("not-listening", "dbb329eb1cb94aa089d5c6a3cc2af604", Warning),
    ("not-notified", "03c472ca449548b4b8d889d2b47a5c1d", Warning),
    ("not-taken-up", "77dde229df884e4dac2386e5cc86ba64", Error),
    ("notice", "c3dd75f6808548e6ac925f09a227f039", Notice),
    ("open-key", "bb262a934ce14c61aa0336d98b8c82f1", Warning),
    ("output-failed", "1771bb2b25f64fe2955314e6672fd758", Warning),
    ("recovered", "b183256ea16e4121b07a6fc42fd7b23a", Notice),
    ("reload-failed", "8f39aaa5729a453cb891da33e83a9d40", Error),
    ("reload-note", "7d1f982e971348118c8d66059e4bd151", Notice),
    ("reloaded", "e5a9f6b1a29749bfadf438f7b27c1c74", Notice),
    ("resumed", "f1a38d3268344c65927cb2382bedda16", Informational),
    ("room-password", "aa178dab94f943c690fcf6f14188429c", Informational),
    ("signal", "d00f7b11205f42f788c1d781b972e776", Notice),
    ("socket-activation", "b21b1c2e1f6141bcacb70dd842762334", Notice),
    ("socket-option", "3ceb083187444e92ad9336c0f9c4b930", Debug),
    ("start-put-off", "77ea711d137c40118ba89c537acf2ae8", Warning),
    ("stopped", "b338afd6b7764568a9ca4bb956e78ec7", Notice),
    ("store-failed", "ea44bd0d405e43118b68dba7a2bb831d", Critical),
    ("taken-up", "670c1cd355554e3184be37c1dfe6c55b", Notice),
    ("tls-failed", "6f877ca98a42427fb0d379d72f8cbeb2", Error),
    ("wrong-password", "adff32f535dd4954a7f8022a4eedef2a", Notice),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::KINDS;

    /// The events in the daemon's source.
    fn collect_events(folder: &Path, events: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect_events(&path, events);
            } else {
                let source = fs::read_to_string(path).unwrap();
                let names = source.split("event = \"").skip(1);
                events.extend(names.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }

    #[test]
    fn every_event_has_an_id_and_an_explanation() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/daemon");
        let mut events = BTreeSet::new();
        collect_events(&source, &mut events);
        // This test itself has one.
        events.retain(|event| event.chars().all(|char| char.is_ascii_lowercase() || char == '-'));
        let kinds: BTreeSet<String> = KINDS.iter().map(|kind| kind.0.to_owned()).collect();
        assert_eq!(events, kinds);
        let ids: BTreeSet<&str> = KINDS.iter().map(|kind| kind.1).collect();
        assert_eq!(ids.len(), KINDS.len());
        let catalog = include_str!("../../../packaging/chatroomd.catalog");
        let explained: BTreeSet<&str> =
            catalog.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
        assert_eq!(explained, ids);
    }
}
