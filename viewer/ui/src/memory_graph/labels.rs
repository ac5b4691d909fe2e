// SPDX-License-Identifier: Apache-2.0
//! The texts on a graph: [`Labels`] puts each where it lies over no other text, and over a line only if it must.

use super::paint::{LABEL_POINTS, Plot};
use super::widget::Lines;
use crate::fonts::STRONG;
use egui::{Color32, FontFamily, FontId, Galley, Painter, Pos2, Rect, Vec2, pos2, vec2};
use std::sync::Arc;

/// A text that would leave the plot by more than this is not where it should be.
const MOST_MOVED: f32 = 2.0;

/// Between two texts on one line: what tones lines down behind the one must not cover the other.
const LEAST_APART: f32 = 3.5;

/// What is wrong with a text's place, the worst first: it lies over another text, is not where it should be, or a line
/// passes through it.
type Flaws = (bool, bool, bool);

const FREE: Flaws = (false, false, false);

/// The texts on a graph.
pub(super) struct Labels<'a> {
    plot: &'a Plot,
    lines: &'a Lines,
    taken: Vec<Rect>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(plot: &'a Plot, lines: &'a Lines) -> Self {
        Self { plot, lines, taken: Vec::new() }
    }

    /// Keeps texts away from what is drawn there.
    pub(super) fn take(&mut self, rect: Rect) {
        self.taken.push(rect);
    }

    /// Paints a text at the best of some places, of equally good ones at the first.
    pub(super) fn put(&mut self, painter: &Painter, galley: Arc<Galley>, places: &[Pos2]) {
        if let Some((rect, _)) = self.best(galley.size(), places) {
            self.paint(painter, galley, rect);
        }
    }

    /// Paints a text that is said elsewhere too: only where it lies over nothing.
    pub(super) fn put_where_free(&mut self, painter: &Painter, galley: Arc<Galley>, places: &[Pos2]) {
        if let Some((rect, FREE)) = self.best(galley.size(), places) {
            self.paint(painter, galley, rect);
        }
    }

    /// Paints a text over a line if it must, but over no other text: then neither could be read.
    pub(super) fn put_beside_others(&mut self, painter: &Painter, galley: Arc<Galley>, places: &[Pos2]) {
        if let Some((rect, (false, ..))) = self.best(galley.size(), places) {
            self.paint(painter, galley, rect);
        }
    }

    /// The best of some places for a text of this size, and what is wrong with it.
    fn best(&self, size: Vec2, places: &[Pos2]) -> Option<(Rect, Flaws)> {
        let plot = self.plot;
        let fitted = |place: &Pos2| {
            let left = place.x.clamp(plot.rect.left(), (plot.rect.right() - size.x).max(plot.rect.left()));
            let top = place.y.clamp(plot.rect.top() - 4.0, (plot.rect.bottom() - size.y).max(plot.rect.top()));
            (Rect::from_min_size(pos2(left, top), size), (top - place.y).abs() > MOST_MOVED)
        };
        let kept_free = vec2(LEAST_APART, -1.0);
        let is_taken = |rect: Rect| self.taken.iter().any(|taken| taken.intersects(rect.expand2(kept_free)));
        let rated = places
            .iter()
            .map(fitted)
            .map(|(rect, is_moved)| (rect, (is_taken(rect), is_moved, is_crossed(plot, self.lines, rect.shrink(1.0)))));
        rated.min_by_key(|(_, flaws)| *flaws)
    }

    fn paint(&mut self, painter: &Painter, galley: Arc<Galley>, rect: Rect) {
        let plot = self.plot;
        // Lines that pass behind a text are toned down, so that it reads.
        painter.rect_filled(rect.expand2(vec2(2.0, 0.0)), 2.0, plot.palette.panel.gamma_multiply(0.8));
        painter.galley(rect.min, galley, plot.palette.text);
        self.taken.push(rect);
    }
}

/// Whether a line passes through a rectangle.
fn is_crossed(plot: &Plot, lines: &Lines, rect: Rect) -> bool {
    lines.all().any(|series| {
        let reach = series.reach(plot.ms_at(rect.left()), plot.ms_at(rect.right()));
        reach.is_some_and(|(least, largest)| plot.y(largest) < rect.bottom() && plot.y(least) > rect.top())
    })
}

pub(super) fn text(painter: &Painter, text: &str, colour: Color32) -> Arc<Galley> {
    painter.layout_no_wrap(text.to_owned(), FontId::proportional(LABEL_POINTS), colour)
}

pub(super) fn strong(painter: &Painter, text: &str, colour: Color32) -> Arc<Galley> {
    let font = FontId::new(LABEL_POINTS, FontFamily::Name(STRONG.into()));
    painter.layout_no_wrap(text.to_owned(), font, colour)
}

/// Places beside a point: right of it, left of it, above, below; then above and below to the left.
pub(super) fn around(point: Pos2, size: Vec2) -> [Pos2; 6] {
    let middle = point.y - size.y / 2.0;
    [
        pos2(point.x + 8.0, middle),
        pos2(point.x - 8.0 - size.x, middle),
        pos2(point.x + 8.0, point.y - size.y - 4.0),
        pos2(point.x + 8.0, point.y + 6.0),
        pos2(point.x - 8.0 - size.x, point.y - size.y - 4.0),
        pos2(point.x - 8.0 - size.x, point.y + 6.0),
    ]
}
