//! Slowing who sends too fast: what they send is read later, and nothing of it is thrown away.

use std::time::Duration;

use chatroom::throttle::Rate;
use chatroom::wire::{Answer, Framing};

use super::reader::{READ_BYTES, Reader};

/// So many bytes are read at a time from who may have to wait before they are worked off.
const PACED_BYTES: usize = 2048;

const TOLD: &str = "You are sending faster than this room takes it. Nothing is lost; it goes on a \
                    little later.";

impl Reader<'_> {
    /// Waits until this connection may send another message. The waiting is rare, and kept apart
    /// from what each connection needs while it joins.
    pub(super) async fn apply_rate_limit(&mut self) {
        if let Some((rate, now, wait)) = self.too_fast() {
            Box::pin(self.wait(wait)).await;
            let _ = self.sent.take(rate, now + wait);
        }
    }

    /// How long this connection has to wait from now on, at this rate, if it has to.
    fn too_fast(&mut self) -> Option<(Rate, Duration, Duration)> {
        let rate = self.rate()?;
        let now = self.client().traffic.start.elapsed();
        match self.sent.take(rate, now) {
            Ok(()) => {
                // Who has had enough time to send a whole burst is told anew.
                let rested = Rate { burst: 1, ..rate };
                self.is_told &= self.sent.check(rested, now + rate.every).is_err();
                None
            }
            Err(wait) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    self.shared().connections.connection_limits.note_slowed();
                    let message = TOLD.to_owned();
                    self.client().answer(&Answer::Info { message, id: None });
                }
                Some((rate, now, wait))
            }
        }
    }

    /// How fast this connection may send, if that is limited.
    fn rate(&self) -> Option<Rate> {
        let limits = &self.shared().config().limits;
        let rate = Rate::per_second(limits.messages_per_second, limits.burst);
        rate.filter(|_| limits.loopback || !self.client().source.is_this_machine())
    }

    /// How many bytes are read at a time. What is read waits in memory as lines, and each of them
    /// takes more than its bytes; so not much of it, where that can take long.
    pub(super) fn bytes_at_a_time(&self) -> usize {
        // What the older script client sends together must not be read in two.
        let most = if self.framer.framing() == Framing::Pieces { None } else { self.rate() };
        most.map_or(READ_BYTES, |_| PACED_BYTES)
    }

    /// Waits, unless the connection is to end or to be handed over.
    async fn wait(&self, time: Duration) {
        let client = self.client();
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = client.until_stopping() => {}
        }
    }
}
