// SPDX-License-Identifier: Apache-2.0
//! Answers of an index as words and text: what the terminal, every export and the window's labels say.
//!
//! It measures and asks nothing of its own; it words what [`memray_index`] answers. [`size`], [`time`] and [`escape`]
//! are the vocabulary that all others share, so that a number reads the same wherever it stands.

pub mod escape;
pub mod size;
pub mod time;
