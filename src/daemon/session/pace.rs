//! Slowing who sends too fast: what they send is read later, and nothing of it is thrown away.

use std::time::Duration;

use chatroom::throttle::{Bucket, Rate};
use chatroom::wire::Answer;

use super::reader::Reader;
use crate::guard::is_exempt;

const TOLD: &str = "You are sending faster than this room takes it. Nothing is lost; it goes on a \
                    little later.";

/// How much a connection has sent lately.
#[derive(Default)]
pub(super) struct Pace {
    bucket: Bucket,
    /// Whether the person knows that they are slowed.
    is_told: bool,
}

impl Reader<'_> {
    /// Waits until this connection may send another message.
    pub(super) async fn keep_pace(&mut self) {
        let limits = &self.shared().config().limits;
        let rate = Rate::per_second(limits.messages_per_second, limits.burst);
        let Some(rate) = rate.filter(|_| !is_exempt(self.outlet().peer.ip(), limits)) else {
            return;
        };
        let start = self.outlet().traffic.start;
        let now = start.elapsed();
        match self.pace.bucket.take(rate, now) {
            Ok(()) => {
                // Who has had enough time to send a whole burst is told anew.
                let rested = Rate { burst: 1, ..rate };
                self.pace.is_told &= self.pace.bucket.check(rested, now + rate.every).is_err();
            }
            Err(wait) => {
                if !std::mem::replace(&mut self.pace.is_told, true) {
                    self.shared().connections.guard.note_slowed();
                    let message = TOLD.to_owned();
                    self.outlet().answer(&Answer::Info { message, id: None });
                }
                self.wait(wait).await;
                let _ = self.pace.bucket.take(rate, now + wait);
            }
        }
    }

    /// Waits, unless the connection is to end.
    async fn wait(&self, time: Duration) {
        let outlet = self.outlet();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = outlet.until_ending() => {}
        }
    }
}
