// SPDX-License-Identifier: Apache-2.0
//! The window: answers of an index, drawn with egui. It draws, and asks the index; it computes nothing of its own.

pub mod fonts;
pub mod icicle;
pub mod memory_graph;
pub mod theme;
