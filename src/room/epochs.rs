//! Epochs: which numbers belong to which part of the log.

use super::{Position, Seq};

/// The epochs of a log, each with its first number. The numbers continue across epochs. A new epoch
/// begins where the end of the previous one may have been lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    /// Ordered. There is at least one.
    starts: Vec<(u32, Seq)>,
}

/// The point at which a reader resumes that has seen everything up to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumePoint {
    /// The next record to show.
    pub cursor: Seq,
    /// Records that the reader has seen and that no longer exist, because the end of their epoch was
    /// lost.
    pub lost: Option<(Seq, Seq)>,
}

impl Epochs {
    /// The epochs of a stored log. A log without any begins with epoch 1.
    pub fn new(mut starts: Vec<(u32, Seq)>) -> Epochs {
        starts.sort_unstable();
        if starts.is_empty() {
            starts.push((Position::START.epoch, Position::START.seq.next()));
        }
        Epochs { starts }
    }

    /// The current epoch.
    pub fn current(&self) -> u32 {
        self.starts.last().map_or(Position::START.epoch, |&(epoch, _)| epoch)
    }

    /// Begins another epoch, at the number `first`.
    pub fn begin(&mut self, first: Seq) -> u32 {
        let epoch = self.current() + 1;
        self.starts.push((epoch, first));
        epoch
    }

    /// The point at which a reader resumes that has seen everything up to `seen`, in a log that
    /// ends with `last`. None if there was never such a position.
    pub fn resume_point(&self, seen: Position, last: Seq) -> Option<ResumePoint> {
        let index = self.starts.iter().position(|&(epoch, _)| epoch == seen.epoch)?;
        let next_start = self.starts.get(index + 1).map(|&(_, first)| first);
        let end = next_start.map_or(last, Seq::previous);
        if seen.seq <= end {
            return Some(ResumePoint { cursor: seen.seq.next(), lost: None });
        }
        // In the current epoch, nothing beyond the end was ever shown.
        next_start?;
        Some(ResumePoint { cursor: end.next(), lost: Some((end.next(), seen.seq)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(epoch: u32, seq: u64, expect: Option<(u64, Option<(u64, u64)>)>) {
        let mut epochs = Epochs::new(Vec::new());
        assert_eq!(epochs.begin(Seq(43)), 2);
        let found = epochs.resume_point(Position { epoch, seq: Seq(seq) }, Seq(60));
        let expect = expect.map(|(cursor, lost)| ResumePoint {
            cursor: Seq(cursor),
            lost: lost.map(|(from, to)| (Seq(from), Seq(to))),
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn each_epoch_comes_after_the_one_before() {
        let mut epochs = Epochs::new(vec![(4, Seq(9)), (2, Seq(1))]);
        assert_eq!(epochs.current(), 4);
        assert_eq!((epochs.begin(Seq(20)), epochs.begin(Seq(30)), epochs.current()), (5, 6, 6));
    }

    #[test]
    fn a_position_from_a_lost_end_is_recognised() {
        check(1, 40, Some((41, None)));
        check(1, 42, Some((43, None)));
        check(1, 50, Some((43, Some((43, 50)))));
        check(2, 42, Some((43, None)));
        check(2, 60, Some((61, None)));
        check(2, 61, None);
        check(3, 1, None);
    }
}
