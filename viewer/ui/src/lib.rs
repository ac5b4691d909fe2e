// SPDX-License-Identifier: Apache-2.0
//! The window: answers of an index, drawn with egui. It draws, and asks the index; it computes nothing of its own.

mod background;
mod cell;
pub mod details;
pub mod fonts;
pub mod growth_view;
#[cfg(test)]
mod handmade;
pub mod labels;
mod listing;
mod row_name;
mod row_order;
mod shown;
pub mod statistics_view;
pub mod table_view;
pub mod theme;
