// SPDX-License-Identifier: Apache-2.0
//! The window: answers of an index, drawn with egui. It draws, and asks the index; it computes nothing of its own.
//!
//! [`run`] opens the window; [`screenshot`] draws its content into a picture without one. Both show [`App`].

pub mod app;
mod error;
pub mod fonts;
pub mod icicle;
pub mod screenshot;
pub mod settings;
pub mod style;
pub mod theme;

pub use app::{App, AppOptions, RunOptions, run};
pub use error::UiError;
pub use screenshot::{Picture, ScreenshotOptions, screenshot};
