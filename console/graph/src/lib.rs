//! Draws a workflow in the Amazon States Language: its definition, one execution of it, or many at once. From data to
//! text, without IO or clock; who serves a page or writes a file is elsewhere.
//!
//! ```
//! use asl_graph::{Layout, Overlay, Theme, statuses, svg};
//! use statemachine::Definition;
//!
//! let definition = Definition::parse(r#"{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 5, "End": true}}}"#)?;
//! let layout = Layout::of(&definition);
//! let drawing = svg(&layout, Overlay::Definition, Theme::Auto);
//! assert!(drawing.contains(r#"data-state="Wait""#));
//!
//! let execution = statuses(&definition, &[], jiff::Timestamp::UNIX_EPOCH);
//! let drawing = svg(&layout, Overlay::Execution(&execution), Theme::Auto);
//! assert!(drawing.contains(r#"data-status="pending""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A page serves the SVG once and then patches it: [`Faces`] serialise to JSON, and name what they are about by the ids in
//! the drawing. What a page may rely on is in [`mod@svg`].
//!
//! | module | for |
//! |---|---|
//! | `model`, `flow` | the structure of a definition: the happy path, what only undoes |
//! | [`layout`] | where everything is |
//! | [`status`] | what became of each state, from a history |
//! | [`traffic`] | many executions at once |
//! | [`face`] | what is shown on a layout |
//! | [`mod@svg`] | the drawing, and its stylesheet |
//! | `text`, `words` | how wide a text is, and what it says |

pub mod face;
mod flow;
pub mod layout;
mod model;
pub mod status;
pub mod svg;
mod text;
pub mod traffic;
mod words;

pub use face::{Faces, Overlay};
pub use layout::Layout;
pub use model::{EdgeKind, Kind};
pub use status::{Execution, Status, events, statuses};
pub use svg::{Theme, stylesheet, svg};
pub use traffic::Traffic;
