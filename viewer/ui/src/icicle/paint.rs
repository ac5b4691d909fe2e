// SPDX-License-Identifier: Apache-2.0
//! How an icicle is painted: all boxes and outlines in one mesh, whole pixels each, and texts over it.
//!
//! A mesh costs a tenth of as many rectangles of egui's own, which are feathered and tessellated one by one.

use super::colour::{dimmed, dimmed_text, module_frame, shrunk_frame};
use super::label::{Fitted, fit, frame_name, frame_place};
use super::layout::{FrameBox, Layout};
use super::{Hits, Shown, Source};
use crate::fonts;
use crate::theme::Palette;
use egui::text::{ByteIndex, LayoutJob, LayoutSection, TextFormat};
use egui::{Align2, Color32, FontId, Mesh, Painter, Pos2, Rect, Shape, Ui, pos2, vec2};
use memray_index::{LocationId, TreeNode, TreeNodeId};
use memray_report::size::{format_bytes, format_bytes_signed, format_counted};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A row's height in points, the line below it included.
const ROW_POINTS: f32 = 21.0;
/// Room left and right of a text in its box.
const PADDING_POINTS: f32 = 5.0;
/// No text in boxes narrower than this.
const NARROWEST_LABEL_POINTS: f32 = 24.0;
const FONT_POINTS: f32 = 12.0;
/// Boxes from this many pixels on are set apart by a line.
const NARROWEST_APART_PX: i32 = 3;
/// Beyond so many, the texts are made anew rather than kept.
const MOST_LABELS: usize = 20_000;

/// Where things are on the screen: points, pixels and levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    rect: Rect,
    pixels_per_point: f32,
    pub(super) width_px: i32,
    row_px: f32,
    pub(super) is_flames: bool,
}

impl Geometry {
    pub(super) fn new(rect: Rect, pixels_per_point: f32, is_flames: bool) -> Self {
        let snap = |points: f32| (points * pixels_per_point).round() / pixels_per_point;
        let rect = Rect::from_min_max(
            pos2(snap(rect.left()), snap(rect.top())),
            pos2(snap(rect.right()), snap(rect.bottom())),
        );
        let width_px = (rect.width() * pixels_per_point).round() as i32;
        let row_px = (ROW_POINTS * pixels_per_point).round().max(2.0);
        Self { rect, pixels_per_point, width_px, row_px, is_flames }
    }

    pub(super) fn row_height(&self) -> f32 {
        self.row_px / self.pixels_per_point
    }

    /// How many rows there is room for.
    pub(super) fn rows(&self) -> f64 {
        f64::from(self.rect.height() / self.row_height())
    }

    pub(super) fn width(&self) -> f64 {
        f64::from(self.rect.width())
    }

    /// Where a horizontal position lies: 0 at the left edge, 1 at the right one.
    pub(super) fn share_at(&self, x: f32) -> f64 {
        f64::from((x - self.rect.left()) / self.rect.width().max(1.0)).clamp(0.0, 1.0)
    }

    fn x(&self, px: i32) -> f32 {
        self.rect.left() + px as f32 / self.pixels_per_point
    }

    pub(super) fn pixel_at(&self, x: f32) -> i32 {
        ((x - self.rect.left()) * self.pixels_per_point).floor() as i32
    }

    /// The level at a vertical position, `first` being at the edge.
    pub(super) fn level_at(&self, y: f32, first: f64) -> Option<u32> {
        let from_edge = if self.is_flames { self.rect.bottom() - y } else { y - self.rect.top() };
        let part_px = (first.fract() * f64::from(self.row_px)).round() as f32;
        let row = (from_edge * self.pixels_per_point + part_px) / self.row_px;
        (from_edge >= 0.0 && row >= 0.0).then(|| first as u32 + row as u32)
    }

    /// A box's rectangle, `first` being the level at the edge.
    pub(super) fn rect(&self, level: u32, first: f64, left_px: i32, right_px: i32) -> Rect {
        let part_px = (first.fract() * f64::from(self.row_px)).round() as f32;
        let rows = (f64::from(level) - first.floor()) as f32;
        let from_edge = (rows * self.row_px - part_px) / self.pixels_per_point;
        let (top, bottom) = if self.is_flames {
            (self.rect.bottom() - from_edge - self.row_height(), self.rect.bottom() - from_edge)
        } else {
            (self.rect.top() + from_edge, self.rect.top() + from_edge + self.row_height())
        };
        Rect::from_min_max(pos2(self.x(left_px), top), pos2(self.x(right_px), bottom))
    }
}

/// What is kept from frame to frame to paint the next one faster.
#[derive(Default)]
pub(super) struct Paint {
    labels: FxHashMap<TreeNodeId, Fitted>,
    /// What the kept texts depend on.
    labels_key: Option<(memray_report::size::Units, bool, Option<Shown>)>,
    colours: FxHashMap<LocationId, Color32>,
    colours_are_dark: Option<bool>,
    /// The last frame's mesh: its room is used again.
    mesh: Arc<Mesh>,
    outlines: Mesh,
    /// Widths of ASCII characters, and the pixels per point they are for.
    char_widths: Option<(f32, Box<[f32; 128]>)>,
}

struct Look<'a> {
    palette: Palette,
    source: &'a Source<'a>,
    hits: Option<&'a Hits>,
}

impl Paint {
    /// A new tree: its frames have other names.
    pub(super) fn forget_labels(&mut self) {
        self.labels.clear();
        self.colours.clear();
    }

    pub(super) fn icicle(
        &mut self,
        ui: &Ui,
        source: &Source<'_>,
        geometry: &Geometry,
        layout: &Layout,
        first: f64,
        hovered: Option<FrameBox>,
    ) {
        let palette = Palette::of(ui.visuals());
        self.refresh(ui, source, &palette);
        let painter = ui.painter().with_clip_rect(geometry.rect.intersect(ui.clip_rect()));
        let look = Look { palette, source, hits: source.hits };
        // egui has let go of the last frame's mesh by now; if not, this one is new.
        let mut shared = std::mem::take(&mut self.mesh);
        let mut outlines = std::mem::take(&mut self.outlines);
        let mesh = Arc::make_mut(&mut shared);
        // Not `Mesh::clear`, which gives its room back.
        for mesh in [&mut *mesh, &mut outlines] {
            mesh.vertices.clear();
            mesh.indices.clear();
        }
        let line = (1.0_f32).max(geometry.pixels_per_point.round()) / geometry.pixels_per_point;
        let mut texts = Vec::new();
        for at in 0..layout.level_count() {
            let level = layout.first_level() + at as u32;
            let row = geometry.rect(level, first, 0, geometry.width_px);
            for frame in layout.level(at) {
                let [left, right] = [frame.left, frame.right].map(|px| geometry.x(px));
                let mut rect = Rect::from_min_max(pos2(left, row.top()), pos2(right, row.bottom() - line));
                if frame.right - frame.left >= NARROWEST_APART_PX {
                    rect.max.x -= line;
                }
                let is_hovered = hovered == Some(*frame);
                self.frame(&look, geometry, frame, rect, is_hovered, mesh);
                if let Some(changes) = source.changes.filter(|_| !frame.is_merged())
                    && let Some(colour) = changes.look(&palette, frame.node).outline
                {
                    let is_dimmed = look.hits.is_some_and(|hits| !is_hit(hits, frame));
                    outline(mesh, rect, line, if is_dimmed { dimmed(&palette, colour) } else { colour });
                }
                if look.hits.is_some_and(|hits| is_hit(hits, frame)) {
                    outline(&mut outlines, rect, line, palette.search_hit);
                }
                if source.selected.is_some_and(|node| frame.holds(node)) {
                    outline(&mut outlines, rect, 2.0 * line, palette.selection);
                }
                if rect.width() >= NARROWEST_LABEL_POINTS {
                    texts.push((*frame, rect));
                }
            }
        }
        mesh.append_ref(&outlines);
        painter.add(Shape::Mesh(Arc::clone(&shared)));
        (self.mesh, self.outlines) = (shared, outlines);
        for (frame, rect) in texts {
            self.text(ui, &look, &painter, &frame, rect);
        }
        if layout.has_more() {
            shade_far_edge(&painter, geometry, palette.panel);
        }
        if source.tree.nodes.len() == 1 && source.total.bytes == 0 {
            let font = FontId::proportional(FONT_POINTS + 1.0);
            painter.text(geometry.rect.center(), Align2::CENTER_CENTER, "No memory to show.", font, palette.text_weak);
        }
    }

    /// Drops what no longer holds.
    fn refresh(&mut self, ui: &Ui, source: &Source<'_>, palette: &Palette) {
        let key = (source.units, source.is_signed, source.changes.map(|changes| changes.shown));
        if self.labels_key != Some(key) || self.labels.len() > MOST_LABELS {
            self.labels.clear();
            self.labels_key = Some(key);
        }
        if self.colours_are_dark != Some(palette.is_dark) {
            self.colours.clear();
            self.colours_are_dark = Some(palette.is_dark);
        }
        let scale = ui.pixels_per_point();
        if self.char_widths.as_ref().is_none_or(|(of, _)| *of != scale) {
            let font = FontId::proportional(FONT_POINTS);
            let mut widths = Box::new([0.0; 128]);
            ui.fonts_mut(|fonts| {
                for (code, width) in (0_u8..).zip(widths.iter_mut()) {
                    *width = fonts.glyph_width(&font, char::from(code));
                }
            });
            self.char_widths = Some((scale, widths));
            self.labels.clear();
        }
    }

    fn frame(
        &mut self,
        look: &Look<'_>,
        geometry: &Geometry,
        frame: &FrameBox,
        rect: Rect,
        is_hovered: bool,
        mesh: &mut Mesh,
    ) {
        let palette = &look.palette;
        let mut colour = if frame.is_merged() { palette.neutral_frame } else { self.colour(look, frame.node) };
        if look.hits.is_some_and(|hits| !is_hit(hits, frame)) {
            colour = dimmed(palette, colour);
        }
        if is_hovered {
            colour = colour.lerp_to_gamma(palette.text_strong, 0.12);
        }
        mesh.add_colored_rect(rect, colour);
        if frame.is_merged() {
            // Upright stripes: many frames, too thin to be told apart.
            let stripe = colour.lerp_to_gamma(palette.text_weak, 0.35);
            let px = 1.0 / geometry.pixels_per_point;
            let mut x = rect.left() + px;
            while x < rect.right() {
                let right = (x + px).min(rect.right());
                mesh.add_colored_rect(Rect::from_min_max(pos2(x, rect.top()), pos2(right, rect.bottom())), stripe);
                x += 4.0 * px;
            }
        }
    }

    fn colour(&mut self, look: &Look<'_>, id: TreeNodeId) -> Color32 {
        let Look { palette, source, .. } = look;
        if let Some(changes) = source.changes {
            return changes.look(palette, id).fill;
        }
        let node = source.tree.node(id);
        if source.is_signed && node.amount.bytes < 0 {
            return shrunk_frame(palette);
        }
        if node.location == LocationId::NONE {
            return palette.neutral_frame;
        }
        if !source.is_coloured {
            return palette.library_frame;
        }
        *self.colours.entry(node.location).or_insert_with(|| {
            let location = source.labels.location(node.location);
            if location.traits.is_own_code { module_frame(palette, &location.module) } else { palette.library_frame }
        })
    }

    fn text(&mut self, ui: &Ui, look: &Look<'_>, painter: &Painter, frame: &FrameBox, rect: Rect) {
        let palette = &look.palette;
        let source = look.source;
        let width = rect.width() - 2.0 * PADDING_POINTS;
        let node = source.tree.node(frame.node);
        let is_dimmed = look.hits.is_some_and(|hits| !is_hit(hits, frame));
        let colour = if is_dimmed {
            dimmed_text(palette)
        } else if frame.is_merged() {
            palette.text
        } else if source.changes.is_some()
            || source.is_coloured
                && node.location != LocationId::NONE
                && source.labels.location(node.location).traits.is_own_code
        {
            palette.text_strong
        } else {
            palette.text
        };
        // A merged box and its first frame never show at once, but may follow one another.
        let kept = self.labels.get(&frame.node).filter(|_| !frame.is_merged()).filter(|label| label.suits(width));
        let (text, name_end) = match kept {
            Some(label) => (label.text.clone(), label.name_end),
            None => {
                let label = self.fitted(ui, source, frame, node, width);
                let text = (label.text.clone(), label.name_end);
                if !frame.is_merged() {
                    self.labels.insert(frame.node, label);
                }
                text
            }
        };
        if text.is_empty() {
            return;
        }
        // egui keeps galleys of texts that were laid out in the last frame, and only it knows when they become stale.
        let galley = painter.layout_job(label_job(text, name_end));
        let y = rect.center().y - galley.size().y / 2.0;
        if frame.is_merged() {
            // Stripes and letters do not go together.
            let behind = Rect::from_min_size(
                pos2(rect.left(), rect.top()),
                vec2(galley.size().x + 2.0 * PADDING_POINTS, rect.height()),
            );
            painter.rect_filled(behind.intersect(rect), 0.0, palette.neutral_frame);
        }
        let at = Pos2::new(rect.left() + PADDING_POINTS, y);
        if galley.size().x > width + PADDING_POINTS {
            // What a text is made of may be wider together than letter by letter.
            painter.with_clip_rect(rect.intersect(painter.clip_rect())).galley(at, galley, colour);
        } else {
            painter.galley(at, galley, colour);
        }
    }

    fn fitted(&self, ui: &Ui, source: &Source<'_>, frame: &FrameBox, node: &TreeNode, width: f32) -> Fitted {
        let font = FontId::proportional(FONT_POINTS);
        let mut char_width = |character: char| {
            let kept = self.char_widths.as_ref().and_then(|(_, widths)| widths.get(character as usize));
            kept.copied().unwrap_or_else(|| fonts::char_width(ui, &font, character))
        };
        if frame.is_merged() {
            let name = format_counted(frame.count, "smaller frame");
            let is_sum = !source.is_signed && source.changes.is_none();
            let size = if is_sum { format_bytes(frame.weight(source.tree), source.units) } else { String::new() };
            return fit(&name, None, &size, width, &mut char_width);
        }
        let mut name = frame_name(source.labels, node);
        let size = if let Some(changes) = source.changes {
            name.insert_str(0, &changes.sign(frame.node));
            changes.size(frame.node, source.units)
        } else if source.is_signed {
            format_bytes_signed(node.amount.bytes, source.units)
        } else {
            format_bytes(node.amount.bytes, source.units)
        };
        fit(&name, frame_place(source.labels, node).as_deref(), &size, width, &mut char_width)
    }
}

/// A label on one line. A name that is written from right to left turns only itself around: what stands behind it is a
/// section of its own.
fn label_job(text: String, name_end: usize) -> LayoutJob {
    let format = TextFormat::simple(FontId::proportional(FONT_POINTS), Color32::PLACEHOLDER);
    let section = |from: usize, to: usize| LayoutSection {
        leading_space: 0.0,
        byte_range: ByteIndex(from)..ByteIndex(to),
        format: format.clone(),
    };
    let sections = if name_end < text.len() {
        vec![section(0, name_end), section(name_end, text.len())]
    } else {
        vec![section(0, text.len())]
    };
    LayoutJob { sections, text, break_on_newline: false, ..LayoutJob::default() }
}

/// Whether a search found a box's frame, or something within a merged one.
fn is_hit(hits: &Hits, frame: &FrameBox) -> bool {
    if frame.is_merged() { hits.lies_within(frame.node, frame.count) } else { hits.contains(frame.node) }
}

/// The four sides of a rectangle, inside it.
fn outline(mesh: &mut Mesh, rect: Rect, line: f32, colour: Color32) {
    if rect.width() <= 2.0 * line {
        mesh.add_colored_rect(rect, colour);
        return;
    }
    let inner = rect.shrink(line);
    for side in [
        Rect::from_min_max(rect.min, pos2(rect.right(), inner.top())),
        Rect::from_min_max(pos2(rect.left(), inner.bottom()), rect.max),
        Rect::from_min_max(pos2(rect.left(), inner.top()), pos2(inner.left(), inner.bottom())),
        Rect::from_min_max(pos2(inner.right(), inner.top()), pos2(rect.right(), inner.bottom())),
    ] {
        mesh.add_colored_rect(side, colour);
    }
}

/// A shade at the edge beyond which there are deeper frames.
fn shade_far_edge(painter: &Painter, geometry: &Geometry, panel: Color32) {
    let rect = geometry.rect;
    let (edge, inside) =
        if geometry.is_flames { (rect.top(), rect.top() + 18.0) } else { (rect.bottom(), rect.bottom() - 18.0) };
    let mut mesh = Mesh::default();
    for (y, colour) in [(edge, panel), (inside, Color32::TRANSPARENT)] {
        mesh.colored_vertex(pos2(rect.left(), y), colour);
        mesh.colored_vertex(pos2(rect.right(), y), colour);
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(1, 2, 3);
    painter.add(Shape::mesh(mesh));
}
