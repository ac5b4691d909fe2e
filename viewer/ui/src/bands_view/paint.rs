// SPDX-License-Identifier: Apache-2.0
//! How bands are painted: [`BandsPlot`] is the memory graph's plot with bands in it.

use super::Source;
use super::stack::Stack;
use crate::icicle::band_colour;
use crate::memory_graph::Plot;
use crate::theme::Palette;
use egui::{Color32, Mesh, Rect, Shape, Stroke, Ui, pos2, vec2};
use memray_report::size::Units;
use std::sync::Arc;

/// How strong what the pointer is not at is drawn.
const DIMMED: f32 = 0.4;

/// The colour of a band; the others, which have no key, are grey.
pub(super) fn colour(palette: &Palette, source: &Source<'_>, band: usize) -> Color32 {
    if band < source.bands.bands.len() { band_colour(palette, band) } else { palette.library_frame }
}

/// The samples that are drawn of a part of the run, in so many pixel columns.
pub(super) struct Drawn {
    visible_ms: (f64, f64),
    columns: usize,
    samples: Arc<[usize]>,
}

/// Where bands lie on the screen.
pub(super) struct BandsPlot {
    plot: Plot,
    samples: Arc<[usize]>,
    /// Of each sample, where it is drawn.
    xs: Vec<f32>,
}

impl BandsPlot {
    /// `drawn` has the samples of the frame before, which are kept where they are the same.
    pub(super) fn new(
        ui: &Ui,
        rect: Rect,
        visible_ms: (f64, f64),
        stack: &Stack,
        units: Units,
        drawn: &mut Option<Drawn>,
    ) -> Self {
        let plot = Plot::up_to(ui, rect, visible_ms, stack.peak_bytes(), units);
        let columns = (plot.rect.width() * ui.pixels_per_point()) as usize;
        let kept = drawn.take().filter(|kept| (kept.visible_ms, kept.columns) == (visible_ms, columns));
        let samples = kept.map_or_else(|| stack.samples(visible_ms, columns).into(), |kept| kept.samples);
        *drawn = Some(Drawn { visible_ms, columns, samples: Arc::clone(&samples) });
        let xs = samples.iter().map(|&sample| plot.x(stack.elapsed_ms(sample) as f64)).collect();
        Self { plot, samples, xs }
    }

    pub(super) fn rect(&self) -> Rect {
        self.plot.rect
    }

    pub(super) fn ms_at(&self, x: f32) -> f64 {
        self.plot.ms_at(x)
    }

    /// The drawn sample that is nearest.
    pub(super) fn sample_at(&self, x: f32) -> Option<usize> {
        let distance = |at: &usize| (self.xs[*at] - x).abs();
        let nearest = (0..self.xs.len()).min_by(|one, other| distance(one).total_cmp(&distance(other)))?;
        self.samples.get(nearest).copied()
    }

    /// How many bytes up a point lies.
    pub(super) fn bytes_at(&self, y: f32) -> u64 {
        self.plot.bytes_at(y)
    }

    pub(super) fn paint(
        &self,
        ui: &Ui,
        stack: &Stack,
        source: &Source<'_>,
        hovered: Option<usize>,
        range: Option<(f64, f64)>,
        at: Option<usize>,
    ) {
        let (plot, palette) = (&self.plot, Palette::of(ui.visuals()));
        plot.paint_axes(ui.painter());
        let painter = ui.painter().with_clip_rect(plot.rect.expand2(vec2(0.0, 1.0)).intersect(ui.clip_rect()));
        let mut lower = vec![0_u64; self.samples.len()];
        for band in 0..stack.band_count() {
            let colour = colour(&palette, source, band);
            let is_dimmed = hovered.is_some_and(|hovered| hovered != band);
            let colour = if is_dimmed { palette.panel.lerp_to_gamma(colour, DIMMED) } else { colour };
            let mut mesh = Mesh::default();
            let mut edge = Vec::with_capacity(self.samples.len());
            for (i, ((&sample, &x), below)) in self.samples.iter().zip(&self.xs).zip(&mut lower).enumerate() {
                let above = below.saturating_add(stack.bytes(band, sample));
                let top = pos2(x, plot.y(above));
                mesh.colored_vertex(pos2(x, plot.y(*below)), colour);
                mesh.colored_vertex(top, colour);
                edge.push(top);
                if i > 0 {
                    let at = 2 * i as u32;
                    mesh.add_triangle(at - 2, at - 1, at);
                    mesh.add_triangle(at - 1, at, at + 1);
                }
                *below = above;
            }
            painter.add(Shape::mesh(mesh));
            painter.add(Shape::line(edge, Stroke::new(1.0, palette.panel)));
        }
        if let Some((from, to)) = range {
            let (left, right) = (plot.x(from), plot.x(to));
            let outside = palette.panel.gamma_multiply(0.6);
            painter.rect_filled(plot.rect.with_max_x(left.max(plot.rect.left())), 0.0, outside);
            painter.rect_filled(plot.rect.with_min_x(right.min(plot.rect.right())), 0.0, outside);
            for x in [left, right] {
                painter.vline(plot.hairline(x), plot.rect.y_range(), Stroke::new(1.0, palette.accent));
            }
        }
        if let Some(at) = at {
            let x = plot.hairline(plot.x(stack.elapsed_ms(at) as f64));
            painter.vline(x, plot.rect.y_range(), Stroke::new(1.0, palette.text_weak));
        }
    }
}
