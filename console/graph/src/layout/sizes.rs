//! The distances of a drawing, in pixels.

/// Around the whole drawing.
pub(crate) const MARGIN: i32 = 24;

/// A state that is no box.
pub(crate) const STATE_HEIGHT: i32 = 60;
pub(crate) const STATE_WIDTH_LEAST: i32 = 228;
pub(crate) const STATE_WIDTH_MOST: i32 = 340;
/// From a state's left side to its text: the icon's place.
pub(crate) const STATE_TEXT_AT: i32 = 50;
/// From a state's text to its right side.
pub(crate) const STATE_PADDING: i32 = 14;

/// The head of a box, which holds its name.
pub(crate) const BOX_HEAD: i32 = 60;
pub(crate) const BOX_PADDING: i32 = 16;
/// Between two branches.
pub(crate) const BRANCH_GAP: i32 = 12;

/// The diameter of a start or an end.
pub(crate) const MARKER: i32 = 22;

pub(crate) const LABEL_HEIGHT: i32 = 18;
pub(crate) const LABEL_WIDTH_MOST: i32 = 190;
/// Between the sides of a label and its text.
pub(crate) const LABEL_PADDING: i32 = 8;

/// Between neighbours in a row.
pub(crate) const COLUMN_GAP: i32 = 28;
/// Between rows that no line has to change its column between.
pub(crate) const ROW_GAP: i32 = 40;
/// The same where one of the rows has only labels.
pub(crate) const LABEL_GAP: i32 = 16;
/// Between two lines side by side.
pub(crate) const TRACK: i32 = 14;
/// A line that leads to an arrowhead is at least this long.
pub(crate) const ARROW: i32 = 22;
/// From a state to a label beside it.
pub(crate) const STUB: i32 = 10;
/// Between the two sides when no line goes from one to the other.
pub(crate) const APART: i32 = 48;
/// Between two lines that leave a state on one side.
pub(crate) const PORT_GAP: i32 = 24;

/// The head of a lane, which holds its title.
pub(crate) const LANE_HEAD: i32 = 34;
pub(crate) const LANE_PADDING: i32 = 16;

/// A rate on an edge.
pub(crate) const NOTE_WIDTH: i32 = 56;
pub(crate) const NOTE_HEIGHT: i32 = 16;

/// From the sides of a badge to its text.
pub(crate) const BADGE_PADDING: i32 = 8;
/// Room for the longest time that a task may have left: days and hours, or hours and minutes.
pub(crate) const CLOCK_WIDTH: i32 = 118;
