//! The visible part of the talk.

#[derive(Debug, Default)]
pub struct Viewport {
    /// The entry at the bottom, and how many of its rows are below the bottom; none at the end of the
    /// talk, where new entries scroll the others up.
    pub place: Option<(u64, usize)>,
    /// The size of the talk when it was last drawn.
    pub width: usize,
    pub height: usize,
}
