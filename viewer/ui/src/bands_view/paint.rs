// SPDX-License-Identifier: Apache-2.0
//! How bands are painted: [`BandsPlot`] is the memory graph's plot with bands in it.

use super::Source;
use super::stack::Stack;
use crate::icicle::band_colour;
use crate::memory_graph::Plot;
use crate::theme::Palette;
use egui::{Color32, EventFilter, Key, Mesh, Modifiers, Rect, Response, Shape, Stroke, Ui, pos2, vec2};
use memray_index::{Bands, Charge, RowKey};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How strong what the pointer is not at is drawn.
const DIMMED: f32 = 0.4;

/// The colours of bands: each thing keeps its own while filters come and go.
#[derive(Default)]
pub(super) struct Colours {
    /// The number of each thing's colour.
    numbers: FxHashMap<(Charge, RowKey), usize>,
}

impl Colours {
    /// Gives each band a colour that no other of them has.
    pub(super) fn assign(&mut self, charge: Charge, bands: &Bands) {
        let mut taken: Vec<usize> = Vec::new();
        for band in &bands.bands {
            let known = self.numbers.get(&(charge, band.key)).copied().filter(|number| !taken.contains(number));
            let number = known
                .or_else(|| (0..).find(|number| !taken.contains(number) && !self.is_known(charge, bands, *number)));
            let number = number.unwrap_or_default();
            taken.push(number);
            self.numbers.insert((charge, band.key), number);
        }
    }

    /// Whether another of these bands had that colour before.
    fn is_known(&self, charge: Charge, bands: &Bands, number: usize) -> bool {
        bands.bands.iter().any(|band| self.numbers.get(&(charge, band.key)) == Some(&number))
    }

    /// The colour of a band; the others, which have no key, are grey.
    pub(super) fn of(&self, palette: &Palette, source: &Source<'_>, band: usize) -> Color32 {
        let number = source.bands.bands.get(band).and_then(|band| self.numbers.get(&(source.charge, band.key)));
        number.map_or(palette.library_frame, |number| band_colour(palette, *number))
    }
}

/// The samples that are drawn of a part of the run, in so many pixel columns.
pub(super) struct Drawn {
    visible_ms: (f64, f64),
    columns: usize,
    samples: Arc<[usize]>,
}

/// What stands out.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    /// The band under the pointer.
    pub(super) hovered: Option<usize>,
    /// The chosen range, in elapsed milliseconds.
    pub(super) range_ms: Option<(f64, f64)>,
    /// The sample under the pointer.
    pub(super) sample: Option<usize>,
    /// The sample that was picked.
    pub(super) picked: Option<usize>,
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
        source: &Source<'_>,
        drawn: &mut Option<Drawn>,
    ) -> Self {
        let times_of_day = stack.times_of_day(source.timeline.start_time_ms, source.times_of_day);
        let plot = Plot::up_to(ui, rect, visible_ms, stack.peak_bytes(), source.units).with_times_of_day(times_of_day);
        let columns = (plot.rect.width() * ui.pixels_per_point()) as usize;
        let kept = drawn.take().filter(|kept| (kept.visible_ms, kept.columns) == (visible_ms, columns));
        let samples = kept.map_or_else(|| stack.samples(visible_ms, columns).into(), |kept| kept.samples);
        *drawn = Some(Drawn { visible_ms, columns, samples: Arc::clone(&samples) });
        // In the middle of its pixel, so that the pointer can be at each.
        let xs = samples.iter().map(|&sample| plot.hairline(plot.x(stack.elapsed_ms(sample) as f64))).collect();
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

    /// The drawn sample beside the one that was picked, where an arrow key asks for it.
    pub(super) fn stepped(&self, ui: &Ui, response: &Response, picked: usize) -> Option<usize> {
        if !response.has_focus() {
            return None;
        }
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let [back, on] =
            [Key::ArrowLeft, Key::ArrowRight].map(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)));
        let next = self.samples.partition_point(|sample| *sample <= picked);
        match (back, on) {
            (true, false) => self.samples[..next].iter().rfind(|sample| **sample < picked).copied(),
            (false, true) => self.samples.get(next).copied(),
            _ => None,
        }
    }

    /// How many bytes up a point lies.
    pub(super) fn bytes_at(&self, y: f32) -> u64 {
        self.plot.bytes_at(y)
    }

    pub(super) fn paint(&self, ui: &Ui, stack: &Stack, source: &Source<'_>, colours: &Colours, marks: Marks) {
        let Marks { hovered, range_ms, sample, picked } = marks;
        let (plot, palette) = (&self.plot, Palette::of(ui.visuals()));
        plot.paint_axes(ui.painter());
        let painter = ui.painter().with_clip_rect(plot.rect.expand2(vec2(0.0, 1.0)).intersect(ui.clip_rect()));
        let mut lower = vec![0_u64; self.samples.len()];
        let half_pixel = 0.5 / ui.pixels_per_point();
        for band in 0..stack.band_count() {
            let colour = colours.of(&palette, source, band);
            let is_dimmed = hovered.is_some_and(|hovered| hovered != band);
            let colour = if is_dimmed { palette.panel.lerp_to_gamma(colour, DIMMED) } else { colour };
            let mut mesh = Mesh::default();
            for ((&sample, &x), below) in self.samples.iter().zip(&self.xs).zip(&mut lower) {
                let above = below.saturating_add(stack.bytes(band, sample));
                let (bottom, top) = (plot.y(*below), plot.y(above));
                // A pixel wide, so that what was so at one sample only is seen.
                for x in [x - half_pixel, x + half_pixel] {
                    let at = mesh.vertices.len() as u32;
                    mesh.colored_vertex(pos2(x, bottom), colour);
                    mesh.colored_vertex(pos2(x, top), colour);
                    if at > 0 {
                        mesh.add_triangle(at - 2, at - 1, at);
                        mesh.add_triangle(at - 1, at, at + 1);
                    }
                }
                *below = above;
            }
            painter.add(Shape::mesh(mesh));
        }
        if let Some((from, to)) = range_ms {
            let (left, right) = (plot.x(from), plot.x(to));
            let outside = palette.panel.gamma_multiply(0.6);
            painter.rect_filled(plot.rect.with_max_x(left.max(plot.rect.left())), 0.0, outside);
            painter.rect_filled(plot.rect.with_min_x(right.min(plot.rect.right())), 0.0, outside);
            for x in [left, right] {
                painter.vline(plot.hairline(x), plot.rect.y_range(), Stroke::new(1.0, palette.accent));
            }
        }
        for (at, colour) in [(picked, palette.accent), (sample, palette.text_weak)] {
            if let Some(at) = at {
                let x = plot.hairline(plot.x(stack.elapsed_ms(at) as f64));
                painter.vline(x, plot.rect.y_range(), Stroke::new(1.0, colour));
            }
        }
    }
}
