//! The room against a reference that is too simple to be wrong: whatever is asked in whatever order,
//! both say the same, what cannot be stored was never asked, and every reader sees the log in its
//! order, without a gap or a double.
//!
//! `PROPTEST_CASES=5000 cargo test --release --test model` takes a million steps; where one fails, a
//! short sequence that fails as well is printed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what is not as it should be fails")]
#![allow(clippy::disallowed_methods, reason = "a seed may be empty")]

mod reference;
mod world;

use chatroom::names::Name;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

use world::World;

/// So many steps in a case.
const STEPS: usize = 200;

/// Names of which some are the same, and some only look so.
const NAMES: [&str; 9] = ["ann", "ANN", "ａｎｎ", "bo", "evan", "Evan", "modern", "modem", "日本"];

/// Something that is asked of the room, or happens to it.
#[derive(Debug, Clone)]
pub enum Step {
    Join {
        name: &'static str,
    },
    Say {
        who: Index,
        action: bool,
        text: &'static str,
        id: Option<u8>,
    },
    /// So many messages at once, with ids of their own.
    SayMuch {
        who: Index,
        count: u8,
    },
    Leave {
        who: Index,
    },
    /// The connection is lost, and the place is held.
    Lose {
        who: Index,
    },
    Resume {
        who: Index,
    },
    Rename {
        who: Index,
        to: &'static str,
    },
    Topic {
        text: &'static str,
    },
    Redact {
        seq: Index,
    },
    Ban {
        name: &'static str,
        seconds: Option<u8>,
    },
    Unban {
        name: &'static str,
    },
    /// The operator removes a user.
    Evict {
        who: Index,
    },
    /// The requests so far are stored and shown.
    Commit,
    /// It cannot be stored.
    Fail,
    /// A reader takes in so many batches.
    Read {
        who: Index,
        batches: u8,
    },
    /// The daemon is started anew on what is stored.
    Restart,
    Seconds(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<Index>;
    let name = || select(NAMES.to_vec());
    let text =
        select(vec!["hello", "", " \t", "a\u{1b}[2Jb", "\u{202e}", "0123456789012345678901"]);
    prop_oneof![
        6 => name().prop_map(|name| Step::Join { name }),
        8 => (who(), any::<bool>(), text.clone(), prop::option::of(0..6u8))
            .prop_map(|(who, action, text, id)| Step::Say { who, action, text, id }),
        1 => (who(), 1..150u8).prop_map(|(who, count)| Step::SayMuch { who, count }),
        3 => who().prop_map(|who| Step::Leave { who }),
        3 => who().prop_map(|who| Step::Lose { who }),
        3 => who().prop_map(|who| Step::Resume { who }),
        3 => (who(), name()).prop_map(|(who, to)| Step::Rename { who, to }),
        1 => text.prop_map(|text| Step::Topic { text }),
        2 => who().prop_map(|seq| Step::Redact { seq }),
        1 => (name(), prop::option::of(0..20u8))
            .prop_map(|(name, seconds)| Step::Ban { name, seconds }),
        1 => name().prop_map(|name| Step::Unban { name }),
        1 => who().prop_map(|who| Step::Evict { who }),
        8 => Just(Step::Commit),
        2 => Just(Step::Fail),
        8 => (who(), 1..4u8).prop_map(|(who, batches)| Step::Read { who, batches }),
        1 => Just(Step::Restart),
        2 => (1..10u8).prop_map(Step::Seconds),
    ]
}

#[test]
fn the_room_is_what_the_reference_says() {
    for name in NAMES {
        Name::new(name).unwrap();
    }
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let config = ProptestConfig {
        failure_persistence: None,
        rng_seed: seed.map_or(RngSeed::Random, RngSeed::Fixed),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..STEPS))| {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.finish();
    });
}
