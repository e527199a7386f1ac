//! Sizes, times and styles that several parts of the screen share.

use std::time::Duration;

use ratatui::style::{Modifier, Style};

/// From this width on, there are a column for names and the list of members.
pub(super) const WIDE: u16 = 80;

/// The width of the list of members.
pub(super) const PEOPLE_WIDTH: u16 = 20;

/// The width of the column for names.
pub(super) const NAME_COLUMN: usize = 12;

/// Below this width, no times are shown.
pub(super) const NARROW: usize = 40;

/// A message that is not stored after this long is marked.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// The style of rules, times and other less important things.
pub(super) const RULE: Style = Style::new().add_modifier(Modifier::DIM);
