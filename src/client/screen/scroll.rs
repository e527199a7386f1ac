//! Scrolling.

use super::Screen;

impl Screen {
    /// Whether the newest entry is seen.
    pub(super) fn is_at_end(&self) -> bool {
        self.viewport.place.is_none()
    }

    /// The lowest entry that is seen, as an index, and how many of its rows are hidden.
    pub(super) fn bottom(&self) -> (usize, usize) {
        match self.viewport.place {
            Some((number, hidden)) => (self.talk.index_of(number), hidden),
            None => (self.talk.len().saturating_sub(1), 0),
        }
    }

    /// The number of messages below the visible ones, and how many of them are for the user.
    pub(super) fn below(&self) -> (usize, usize) {
        match self.viewport.place {
            Some(_) => self.talk.messages_from(self.bottom().0 + 1),
            None => (0, 0),
        }
    }

    /// Scrolls up by a number of rows, but not beyond the oldest.
    pub(super) fn scroll_up(&mut self, rows: usize) {
        if self.is_at_end() {
            self.talk.mark_end();
        }
        let (mut index, mut hidden) = self.bottom();
        // At the highest place, the oldest row is the topmost one.
        let spare = self.rows_up_to(index, hidden, rows + self.viewport.height);
        let mut left = rows.min(spare.saturating_sub(self.viewport.height));
        self.wants_older |= left < rows;
        self.rows_owed = (rows - left).min(self.viewport.height);
        while left > 0 {
            let height = self.rows_of(index, self.viewport.width).len();
            let step = left.min(height - hidden);
            hidden += step;
            left -= step;
            if hidden == height {
                if index == 0 {
                    hidden -= 1;
                    break;
                }
                (index, hidden) = (index - 1, 0);
            }
        }
        self.look_at(index, hidden);
    }

    /// Scrolls down by a number of rows, but not beyond the end.
    pub(super) fn scroll_down(&mut self, rows: usize) {
        if self.is_at_end() {
            return;
        }
        let (mut index, mut hidden) = self.bottom();
        let mut left = rows;
        while left > 0 {
            let step = left.min(hidden);
            hidden -= step;
            left -= step;
            if left > 0 {
                if index + 1 >= self.talk.len() {
                    break;
                }
                index += 1;
                hidden = self.rows_of(index, self.viewport.width).len();
            }
        }
        self.look_at(index, hidden);
    }

    pub(super) fn scroll_to_end(&mut self) {
        self.viewport.place = None;
    }

    fn look_at(&mut self, index: usize, hidden: usize) {
        let is_end = index + 1 >= self.talk.len() && hidden == 0;
        let entry = self.talk.get(index).filter(|_| !is_end);
        self.viewport.place = entry.map(|entry| (entry.number, hidden));
    }

    /// The number of rows up to a place, counting to `most` at most.
    fn rows_up_to(&self, index: usize, hidden: usize, most: usize) -> usize {
        let mut count = 0;
        for index in (0..=index.min(self.talk.len().saturating_sub(1))).rev() {
            count += self.rows_of(index, self.viewport.width).len();
            if count >= most + hidden {
                break;
            }
        }
        count.saturating_sub(hidden)
    }
}
