// SPDX-License-Identifier: Apache-2.0
//! Which part of a tree's width is on screen, and the movement from one part to another.
//!
//! [`View`] leads. Its left edge is a whole number of weight units (bytes) and a fraction of one, so that a frame of a
//! few bytes lies still on the screen even in a tree of petabytes, where an `f64` alone would tremble.

/// A range of a tree's weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Whole units left of the view.
    start: u64,
    /// What is left of the view beyond them, from 0 up to, but not including, 1.
    fraction: f64,
    /// How much is visible, in units; above 0.
    span: f64,
}

/// Nothing smaller than this part of a unit fills the whole view.
const SMALLEST_SPAN: f64 = 0.5;

impl View {
    /// All of a frame: where it starts and its weight.
    pub fn of(start: u64, weight: u64) -> Self {
        Self { start, fraction: 0.0, span: (weight as f64).max(SMALLEST_SPAN) }
    }

    /// A part of a frame: where the part starts and how wide it is, as shares of the frame.
    pub fn part_of(start: u64, weight: u64, left: f64, width: f64) -> Self {
        let mut view = Self::of(start, weight);
        view.shift(left * view.span);
        view.span = (view.span * width).max(SMALLEST_SPAN);
        view
    }

    /// How much is visible, in units.
    pub fn span(&self) -> f64 {
        self.span
    }

    /// Where a unit lies: 0 at the left edge, 1 at the right one.
    #[inline]
    pub fn at(&self, unit: u64) -> f64 {
        // The difference of two weights fits: trees are far lighter than 2^63.
        ((unit.wrapping_sub(self.start) as i64) as f64 - self.fraction) / self.span
    }

    /// Units from `unit` to the left edge; negative where it lies right of it.
    #[inline]
    pub fn units_left_of_view(&self, unit: u64) -> f64 {
        (self.start.wrapping_sub(unit) as i64) as f64 + self.fraction
    }

    /// Changes the span by a factor; what lies at `at` (0 to 1) stays there.
    pub fn zoom_at(&mut self, at: f64, factor: f64) {
        let span = (self.span / factor).max(SMALLEST_SPAN);
        self.shift((self.span - span) * at);
        self.span = span;
    }

    /// Moves the view by some units. What would lie left of 0 is cut off.
    pub fn shift(&mut self, units: f64) {
        let moved = self.fraction + units;
        let whole = moved.floor();
        let start = i128::from(self.start) + whole as i128;
        if start < 0 {
            self.start = 0;
            self.fraction = 0.0;
        } else {
            self.start = u64::try_from(start).unwrap_or(u64::MAX);
            self.fraction = (moved - whole).clamp(0.0, 1.0 - f64::EPSILON);
        }
    }

    /// Keeps the view within a tree of this weight.
    pub fn clamp_to(&mut self, weight: u64) {
        let all = (weight as f64).max(SMALLEST_SPAN);
        if self.span >= all {
            *self = Self::of(0, weight);
            return;
        }
        let beyond = self.units_left_of_view(0) + self.span - all;
        if beyond > 0.0 {
            self.shift(-beyond);
        }
    }

    /// Between two views, `progress` from 0 to 1. Spans change by equal factors in equal times, and the point that both
    /// views show at the same place stays there.
    pub fn between(from: &Self, to: &Self, progress: f64) -> Self {
        if progress >= 1.0 {
            return *to;
        }
        let span = from.span * (to.span / from.span).powf(progress);
        let change = to.span - from.span;
        let share = if change.abs() > 1e-9 * from.span { (span - from.span) / change } else { progress };
        let distance = to.units_left_of_view(from.start) - from.fraction;
        let mut view = *from;
        view.shift(distance * share);
        view.span = span.max(SMALLEST_SPAN);
        view
    }
}

/// A movement from one view and depth to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    /// The view, and the level at its edge.
    pub(super) from: (View, f64),
    pub(super) to: (View, f64),
    /// egui's time at its start, in seconds.
    pub(super) start_s: f64,
}

/// How long a movement takes, in seconds.
const MOTION_S: f64 = 0.25;

impl Motion {
    /// Where it is by now, and whether it has arrived.
    pub(super) fn at(&self, now_s: f64) -> ((View, f64), bool) {
        let linear = ((now_s - self.start_s) / MOTION_S).clamp(0.0, 1.0);
        let eased = 1.0 - (1.0 - linear).powi(3);
        let level = egui::lerp(self.from.1..=self.to.1, eased);
        ((View::between(&self.from.0, &self.to.0, eased), level), linear >= 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_byte_under_the_pointer() {
        let mut view = View::of(0, 1 << 50);
        let byte = 777_777_777_777_777;
        let at = view.at(byte);
        for _ in 0..200 {
            view.zoom_at(at, 1.15);
        }
        assert!((view.at(byte) - at).abs() < 1e-3, "{} became {}", at, view.at(byte));
        assert!(view.span() < 2000.0);
    }

    #[test]
    fn a_frame_of_a_byte_in_a_tree_of_petabytes_fills_the_view_exactly() {
        let view = View::of((1 << 52) + 3, 1);
        assert_eq!((view.at((1 << 52) + 3), view.at((1 << 52) + 4)), (0.0, 1.0));
    }

    #[test]
    fn a_view_stays_within_its_tree() {
        let mut view = View::of(900, 100);
        view.shift(50.0);
        view.clamp_to(1000);
        assert_eq!(view, View::of(900, 100));
        view.shift(-5000.0);
        assert_eq!(view, View::of(0, 100));
        view.zoom_at(0.5, 0.01);
        view.clamp_to(1000);
        assert_eq!(view, View::of(0, 1000));
    }

    #[test]
    fn a_movement_starts_and_ends_where_it_should_and_keeps_the_common_point() {
        let (from, to) = (View::of(0, 1000), View::of(500, 100));
        assert_eq!(View::between(&from, &to, 0.0), from);
        assert_eq!(View::between(&from, &to, 1.0), to);
        // Both show unit 555.5… at the same place.
        let half = View::between(&from, &to, 0.5);
        assert!((half.at(555) - from.at(555)).abs() < 2e-3);
    }
}
