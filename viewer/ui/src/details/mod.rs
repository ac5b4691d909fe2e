// SPDX-License-Identifier: Apache-2.0
//! What is known of the selection: [`Details`] shows its numbers, the share of each thread, its source lines where the
//! file is on this machine, and its stack.

mod distribution;
mod source_pane;
mod stack_list;

use crate::cell;
use crate::fonts;
use crate::growth_view::{shape_word, slope_words};
use crate::labels::Labels;
use crate::landmark::landmark;
use crate::row_name::RowName;
use crate::shown::shown;
use crate::theme::Palette;
pub use distribution::{Bar, DistributionSource};
use egui::{
    Align, Color32, FontFamily, FontId, Rect, Response, RichText, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo,
    vec2,
};
use memray_index::{Amount, FrameKind, GroupBy, GrowthShape, LocationId, RowKey, ThreadIndex};
use memray_report::size::{
    Units, format_bytes, format_bytes_exact, format_count, format_counted, format_share_precise,
};
use memray_report::source_folders::SourceFolders;
use source_pane::SourcePane;

/// The pane of details, and what it has read.
#[derive(Default)]
pub struct Details {
    source: SourcePane,
}

/// The selection.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What is selected.
    pub key: RowKey,
    /// As what the table groups it; names what has no name.
    pub group_by: GroupBy,
    /// What `amount` is an amount of: `live at the peak`, `allocated in the range`.
    pub amount_words: &'a str,
    /// Of the selection with all that it called.
    pub amount: Amount,
    /// Of the selection alone.
    pub own: Amount,
    /// Of the whole answer.
    pub total: Amount,
    /// Of the frame that the selected one lies on, where a frame is selected: its caller, or of inverted trees its callee.
    pub parent: Option<Amount>,
    /// Whether it is a frame of an inverted tree.
    pub is_inverted: bool,
    /// How it grows, where that is known.
    pub growth: Option<Growth>,
    /// The share of each thread, the largest first, up to [`MAX_THREADS`].
    pub threads: &'a [(ThreadIndex, Amount)],
    /// How many more threads there are, and how much they have.
    pub further_threads: (usize, i64),
    /// The stack through the selection, root first.
    pub stack: &'a [LocationId],
    /// Which frame of `stack` is selected.
    pub selected_frame: Option<usize>,
    /// The native stack, innermost first: symbols, or `lib+0x12ab`.
    pub native: &'a [String],
    /// Where to look for sources.
    pub source_folders: &'a SourceFolders,
    /// Lines of the selection's file with the bytes that each has of the answer.
    pub line_bytes: &'a [(u32, i64)],
    /// When the recording ended, milliseconds since the Unix epoch.
    pub capture_end_ms: i64,
    /// Names.
    pub labels: &'a dyn Labels,
    /// How sizes are written.
    pub units: Units,
}

/// How something grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Least-squares slope of its live bytes.
    pub slope_bytes_per_hour: f64,
    /// Its shape.
    pub shape: GrowthShape,
}

/// What the user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Clicked this frame of the stack, by its row.
    pub selected_frame: Option<usize>,
    /// Copied something to the clipboard.
    pub copied: bool,
    /// Clicked this bar of sizes or lifetimes.
    pub bar: Option<Bar>,
}

/// More threads than this are summed up in a line.
pub const MAX_THREADS: usize = 8;

const ROW_HEIGHT: f32 = 20.0;

impl Details {
    /// Fills `ui`; the source is `None` if nothing is selected, the distribution then that of all that is shown.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        source: Option<&Source<'_>>,
        distribution: Option<&DistributionSource<'_>>,
    ) -> Events {
        let mut events = Events::default();
        let palette = Palette::of(ui.visuals());
        let Some(source) = source else {
            let words = "Select a frame or a row to see its numbers, threads, source and stack.";
            ui.add(egui::Label::new(RichText::new(words).color(palette.text_weak)).wrap());
            room_for_bar(ui);
            ScrollArea::vertical().id_salt("all").auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                events.bar = distribution.and_then(|source| distribution::show(ui, source));
            });
            return events;
        };
        room_for_bar(ui);
        ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let name = RowName::of(source.key, source.group_by, source.labels);
            heading(ui, source, &name, &mut events);
            ui.add_space(6.0);
            numbers(ui, source);
            if source.threads.len() > 1 {
                section(ui, "Threads");
                threads(ui, source);
            }
            if name.line != 0 {
                ui.add_space(8.0);
                self.source.show(ui, &name.path, name.line, source);
            }
            if !source.stack.is_empty() {
                ui.add_space(8.0);
                ui.horizontal(|ui| {
                    let words = format!("Stack, {}", format_counted(source.stack.len() as i128, "frame"));
                    ui.label(RichText::new(words).color(palette.text_weak));
                    ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
                        let copy = ui.small_button("Copy stack");
                        landmark(ui, "Copy stack", copy.rect);
                        if copy.clicked() {
                            ui.ctx().copy_text(stack_text(source));
                            events.copied = true;
                        }
                    });
                });
                events.selected_frame = stack_list::show(ui, source.stack, source.selected_frame, source.labels);
            }
            events.bar = distribution.and_then(|source| distribution::show(ui, source));
            if !source.native.is_empty() {
                section(ui, "Native stack, innermost first");
                stack_list::show_lines(ui, source.native);
            }
        });
        events
    }
}

/// The scroll bar has room of its own: it would cover the numbers at the right edge.
fn room_for_bar(ui: &mut Ui) {
    let scroll = &mut ui.spacing_mut().scroll;
    scroll.floating_allocated_width = scroll.bar_width;
}

fn section(ui: &mut Ui, title: &str) {
    let palette = Palette::of(ui.visuals());
    ui.add_space(8.0);
    ui.label(RichText::new(title).color(palette.text_weak));
}

fn heading(ui: &mut Ui, source: &Source<'_>, name: &RowName<'_>, events: &mut Events) {
    let palette = Palette::of(ui.visuals());
    let size = TextStyle::Body.resolve(ui.style()).size;
    let title = RichText::new(name.shown())
        .font(FontId::new(size + 2.0, FontFamily::Name(fonts::STRONG.into())))
        .color(palette.text_strong);
    let title = ui.add(egui::Label::new(title).wrap());
    let mut words = Vec::new();
    if !name.path.is_empty() {
        words.push(name.short_place());
    }
    if let RowKey::Location(location) = source.key {
        let label = source.labels.location(location);
        match label.kind {
            FrameKind::Python if label.module.is_empty() => {}
            FrameKind::Python => words.push(format!("module\u{a0}{}", shown(&label.module))),
            FrameKind::Native => words.push("native\u{a0}function".to_owned()),
            FrameKind::Library => words.push("library without symbols".to_owned()),
        }
        if label.traits.is_own_code {
            words.push("own\u{a0}code".to_owned());
        }
    } else {
        words.push(kind_word(source.group_by).to_owned());
    }
    // Lines end between the words, behind a dot.
    let words = words.join("\u{a0}\u{a0}·  ");
    let place = ui.add(egui::Label::new(RichText::new(words).color(palette.text_weak)).wrap());
    for response in [title, place] {
        if !name.path.is_empty() {
            response.clone().on_hover_text(name.full_place());
        }
        response.context_menu(|ui| events.copied |= name.copy_menu(ui, None));
    }
}

fn kind_word(group_by: GroupBy) -> &'static str {
    match group_by {
        GroupBy::Location => "location",
        GroupBy::Function => "function",
        GroupBy::File => "file",
        GroupBy::Module => "module",
        GroupBy::OwnCodeLine => "own-code line",
        GroupBy::Thread => "thread",
        GroupBy::Allocator => "allocator",
        GroupBy::NativeLibrary => "native library",
    }
}

fn numbers(ui: &mut Ui, source: &Source<'_>) {
    let palette = Palette::of(ui.visuals());
    let units = source.units;
    let strong = palette.text_strong;
    let total = source.total.bytes;
    number(
        ui,
        source.amount_words,
        Some(&format_bytes(source.amount.bytes, units)),
        &format_share_precise(source.amount.bytes, total),
        strong,
    )
    .on_hover_text(format!("{} of {}", format_bytes_exact(source.amount.bytes), format_bytes_exact(total)));
    if let Some(parent) = source.parent {
        let whose = if source.is_inverted { "callee" } else { "caller" };
        let share = format_share_precise(source.amount.bytes, parent.bytes);
        number(ui, &format!("of its {whose}"), None, &share, palette.text)
            .on_hover_text(format!("Its {whose} has {}", format_bytes_exact(parent.bytes)));
    }
    number(
        ui,
        "own",
        Some(&format_bytes(source.own.bytes, units)),
        &format_share_precise(source.own.bytes, total),
        palette.text,
    )
    .on_hover_text(format!(
        "{} in {}",
        format_bytes_exact(source.own.bytes),
        format_counted(source.own.allocations, "allocation")
    ));
    number(ui, "allocations", None, &format_count(source.amount.allocations), palette.text);
    if let Some(growth) = source.growth {
        let color = if growth.shape == GrowthShape::Steady { palette.more } else { palette.text };
        let shape = shape_word(growth.shape);
        let words = match growth.shape {
            // What fell again has a slope too, that would say the contrary.
            GrowthShape::NotGrowing => shape.to_owned(),
            _ => format!("{}, {shape}", slope_words(growth.slope_bytes_per_hour, units)),
        };
        let (rect, font, _) = line(ui, "growth", &words, 0.0);
        cell::text(ui.painter(), rect, Align::Max, &words, font, color);
    }
}

/// A line: what, a size, and at the right edge a share or a count.
fn number(ui: &mut Ui, words: &str, bytes: Option<&str>, last: &str, color: Color32) -> Response {
    let palette = Palette::of(ui.visuals());
    let spoken = bytes.map_or_else(|| last.to_owned(), |bytes| format!("{bytes}, {last}"));
    let (rect, font, response) = line(ui, words, &spoken, LAST_WIDTH + if bytes.is_some() { BYTES_WIDTH } else { 0.0 });
    cell::quantity(ui.painter(), rect, last, font.size, palette.text, palette.text_weak);
    if let Some(bytes) = bytes {
        let rect = rect.with_max_x((rect.right() - LAST_WIDTH).max(rect.left()));
        cell::quantity(ui.painter(), rect, bytes, font.size, color, palette.text_weak);
    }
    response
}

/// Of a line's last number, and of the size before it.
const LAST_WIDTH: f32 = 62.0;
const BYTES_WIDTH: f32 = 66.0;

/// A line that begins with `words`, which are cut before the value is: the room behind them, at least `room` wide, for
/// what a screen reader says as `value`.
fn line(ui: &mut Ui, words: &str, value: &str, room: f32) -> (Rect, FontId, Response) {
    let palette = Palette::of(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{words} {value}")));
    let left = rect.with_max_x((rect.right() - room - 8.0).max(rect.left()));
    let width = cell::text(ui.painter(), left, Align::Min, words, font.clone(), palette.text_weak);
    (rect.with_min_x((rect.left() + width + 8.0).min(rect.right())), font, response)
}

fn threads(ui: &mut Ui, source: &Source<'_>) {
    let palette = Palette::of(ui.visuals());
    let largest = source.threads.first().map_or(0, |(_, amount)| amount.bytes.saturating_abs()).max(1);
    for (thread, amount) in source.threads {
        thread_row(ui, &source.labels.thread(*thread), amount.bytes, largest, &palette, source.units);
    }
    let (count, bytes) = source.further_threads;
    if count > 0 {
        let words = format!("{} more", format_count(count as i128));
        thread_row(ui, &words, bytes, largest, &palette, source.units);
    }
}

fn thread_row(ui: &mut Ui, name: &str, bytes: i64, largest: i64, palette: &Palette, units: Units) {
    let font = TextStyle::Body.resolve(ui.style());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    let (name, size) = (shown(name), format_bytes(bytes, units));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name} {size}")));
    let name_width = (rect.width() * 0.32).max(60.0);
    let (left, rest) = rect.split_left_right_at_x(rect.left() + name_width);
    let (track, right) = rest.split_left_right_at_x((rest.right() - 84.0).max(rest.left()));
    cell::text(ui.painter(), left.with_max_x(left.right() - 8.0), Align::Min, &name, font.clone(), palette.text);
    let track = Rect::from_center_size(track.center(), vec2(track.width(), 6.0));
    let color = if bytes < 0 { palette.less } else { palette.heap };
    cell::bar(ui.painter(), track, (bytes as f32 / largest as f32).abs(), color, palette);
    cell::quantity(ui.painter(), right, &size, font.size, palette.text, palette.text_weak);
    response.on_hover_text(format!("{name}: {}", format_bytes_exact(bytes)));
}

/// The stack as text, root first, a frame a line.
fn stack_text(source: &Source<'_>) -> String {
    let mut out = String::new();
    for location in source.stack {
        let name = RowName::of(RowKey::Location(*location), GroupBy::Location, source.labels);
        out.push_str(&format!("{} {}", name.shown(), name.full_place()));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
