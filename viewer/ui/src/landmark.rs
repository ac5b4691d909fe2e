// SPDX-License-Identifier: Apache-2.0
//! Where things are in the window, noted while they are drawn, for whole-program tests that point at them. Without the
//! feature `test-channel` nothing is noted.

use egui::{Rect, Ui};
#[cfg(feature = "test-channel")]
use std::collections::BTreeMap;

/// What is noted: by name, with the pass in which it was drawn.
#[cfg(feature = "test-channel")]
type Landmarks = BTreeMap<String, (u64, Rect)>;

/// Notes where something is.
#[cfg(feature = "test-channel")]
pub(crate) fn landmark(ui: &Ui, name: &str, rect: Rect) {
    let pass = ui.ctx().cumulative_pass_nr();
    ui.data_mut(|data| {
        let landmarks: &mut Landmarks = data.get_temp_mut_or_default(egui::Id::NULL);
        landmarks.insert(name.to_owned(), (pass, rect));
    });
}

/// Notes nothing.
#[cfg(not(feature = "test-channel"))]
pub(crate) fn landmark(_: &Ui, _: &str, _: Rect) {}

/// What is on screen, by name: left, top, right and bottom in pixels.
#[cfg(feature = "test-channel")]
pub(crate) fn landmarks(context: &egui::Context) -> BTreeMap<String, [i32; 4]> {
    let (pass, scale) = (context.cumulative_pass_nr(), context.pixels_per_point());
    let landmarks: Landmarks = context.data_mut(|data| data.get_temp(egui::Id::NULL)).unwrap_or_default();
    let pixels = |rect: Rect| [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(|at| (at * scale).round() as i32);
    landmarks.into_iter().filter(|(_, (of, _))| *of == pass).map(|(name, (_, rect))| (name, pixels(rect))).collect()
}
