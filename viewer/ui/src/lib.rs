// SPDX-License-Identifier: Apache-2.0
//! The window: answers of an index, drawn with egui. It draws, and asks the index; it computes nothing of its own.
//!
//! [`run`] opens the window; [`screenshot`] draws its content into a picture without one. Both show [`App`].

pub mod app;
mod background;
pub mod bands_view;
mod cell;
mod delta_table;
pub mod details;
mod error;
mod focus;
pub mod fonts;
mod freed_memory;
mod function_menu;
pub mod growth_view;
#[cfg(test)]
mod handmade;
pub mod icicle;
mod joined_buttons;
pub mod labels;
mod landmark;
mod listing;
pub mod memory_graph;
mod row_name;
mod row_order;
pub mod screenshot;
pub mod settings;
mod shown;
pub mod statistics_view;
pub mod style;
pub mod table_view;
pub mod theme;

pub use app::{App, AppOptions, RunOptions, run};
pub use error::UiError;
pub use freed_memory::keep_freed_memory;
pub use function_menu::FunctionAction;
pub use screenshot::{Picture, ScreenshotOptions, screenshot};
