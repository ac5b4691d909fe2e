// SPDX-License-Identifier: Apache-2.0
//! Answers of an index as words and text: what the terminal, every export and the window's labels say.
//!
//! It measures and asks nothing of its own; it words what [`memray_index`] answers. [`size`], [`time`], [`escape`] and
//! [`labels`] are the vocabulary that all others share, so that a number or a name reads the same wherever it stands.

pub mod asking;
pub mod caption;
mod columns;
pub mod comparison;
pub mod escape;
pub mod export;
pub mod filtering;
pub mod findings;
#[cfg(test)]
mod handmade;
pub mod headline;
mod json;
pub mod kept;
pub mod labels;
pub mod markdown;
pub mod metadata;
pub mod moments;
pub mod notes;
mod opening;
pub mod recorded;
pub mod size;
pub mod source_file;
pub mod source_folders;
pub mod sql_rows;
pub mod stats;
pub mod terminal;
pub mod time;

pub use headline::Headline;
