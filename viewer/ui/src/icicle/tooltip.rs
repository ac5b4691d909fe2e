// SPDX-License-Identifier: Apache-2.0
//! What an icicle says of one frame: beside the pointer, in its context menu, and on the clipboard.

use super::label::{frame_name, frame_path};
use super::layout::FrameBox;
use super::{Events, Source};
use crate::fonts::STRONG;
use crate::function_menu;
use crate::labels::Labels;
use crate::theme::Palette;
use egui::{FontFamily, PopupAnchor, Response, RichText, Tooltip, Ui};
use memray_index::{Tree, TreeNodeId};
use memray_report::size::{
    format_bytes, format_bytes_exact, format_bytes_signed, format_count, format_count_signed, format_counted,
    format_share_precise,
};

/// Names are broken at this width.
const WIDTH_POINTS: f32 = 460.0;
/// A copied stack has at most so many frames.
const MOST_COPIED_FRAMES: usize = 10_000;

/// Shows what is known of a box beside the pointer.
pub(super) fn show(response: &Response, source: &Source<'_>, frame: &FrameBox) {
    Tooltip::always_open(response.ctx.clone(), response.layer_id, response.id, PopupAnchor::Pointer)
        .gap(14.0)
        .width(WIDTH_POINTS)
        .show(|ui| {
            ui.set_max_width(WIDTH_POINTS);
            if frame.is_merged() { merged(ui, source, frame) } else { single(ui, source, frame.node) }
        });
}

fn merged(ui: &mut Ui, source: &Source<'_>, frame: &FrameBox) {
    let palette = Palette::of(ui.visuals());
    title(ui, &palette, format_counted(frame.count, "smaller frame"));
    let weight = frame.weight(source.tree);
    if source.changes.is_some() {
        ui.label(format!("{} wide in all", format_bytes(weight, source.units)));
    } else if source.is_signed {
        ui.label(format!("{} grown or shrunk in all", format_bytes(weight, source.units)));
    } else {
        let share = format_share_precise(weight, source.total.bytes);
        ui.label(format!("{} in all, {share} of the total", format_bytes(weight, source.units)));
    }
    ui.label(RichText::new("Each is narrower than a pixel. Double-click to see them.").color(palette.text_weak));
}

fn title(ui: &mut Ui, palette: &Palette, text: String) {
    ui.label(RichText::new(text).family(FontFamily::Name(STRONG.into())).color(palette.text_strong));
}

fn single(ui: &mut Ui, source: &Source<'_>, id: TreeNodeId) {
    let palette = Palette::of(ui.visuals());
    let node = source.tree.node(id);
    title(ui, &palette, frame_name(source.labels, node));
    if let Some(path) = frame_path(source.labels, node) {
        ui.label(RichText::new(path).color(palette.text_weak));
    }
    ui.add_space(2.0);
    let rows = match source.changes {
        Some(changes) => changes.facts(id, source.units),
        None => facts(source, id),
    };
    egui::Grid::new("icicle tooltip").num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).color(palette.text_weak));
            ui.label(RichText::new(value).color(palette.text));
            ui.end_row();
        }
    });
}

/// What is known of a frame of one capture, by name.
fn facts(source: &Source<'_>, id: TreeNodeId) -> Vec<(&'static str, String)> {
    let node = source.tree.node(id);
    let mut rows = vec![
        (if source.is_signed { "growth" } else { "memory" }, bytes(source, node.amount.bytes)),
        ("of the total", format_share_precise(node.amount.bytes, source.total.bytes)),
    ];
    if node.depth > 0 && !source.tree.is_inverted_leaf(id) {
        let parent = source.tree.node(node.parent);
        let parent_name = if source.tree.is_inverted { "of its callee" } else { "of its caller" };
        rows.push((parent_name, format_share_precise(node.amount.bytes, parent.amount.bytes)));
    }
    rows.push(("own", bytes(source, source.tree.own(id).bytes)));
    let format_allocations = if source.is_signed { format_count_signed } else { format_count };
    rows.push(("allocations", format_allocations(i128::from(node.amount.allocations))));
    if let Some(thread) = node.thread {
        let tower = if source.is_of_one_capture { "thread" } else { "process" };
        rows.push((tower, memray_report::escape::visible(&source.labels.thread(thread)).into_owned()));
    }
    rows
}

/// Bytes as people read them, and to the byte.
fn bytes(source: &Source<'_>, bytes: i64) -> String {
    let short =
        if source.is_signed { format_bytes_signed(bytes, source.units) } else { format_bytes(bytes, source.units) };
    let exact = format_bytes_exact(bytes);
    if bytes.unsigned_abs() < 1000 { short } else { format!("{short} ({exact})") }
}

/// A frame's amount, for those who cannot see it: `1.20 GiB, 38.2 % of the total, 12 allocations`.
pub(super) fn amount_in_words(source: &Source<'_>, id: TreeNodeId) -> String {
    if let Some(changes) = source.changes {
        return changes.in_words(id, source.units);
    }
    let amount = source.tree.node(id).amount;
    let size = if source.is_signed { format_bytes_signed } else { format_bytes };
    format!(
        "{}, {} of the total, {}",
        size(i128::from(amount.bytes), source.units),
        format_share_precise(amount.bytes, source.total.bytes),
        format_counted(amount.allocations, "allocation")
    )
}

/// The context menu of a frame. Returns whether it is to be zoomed to.
pub(super) fn menu(ui: &mut Ui, source: &Source<'_>, id: TreeNodeId, events: &mut Events) -> bool {
    let Some(node) = source.tree.nodes.get(id.0 as usize) else { return false };
    let mut zoom = false;
    if ui.button("Zoom to frame").clicked() {
        zoom = true;
        ui.close();
    }
    ui.separator();
    if ui.button("Copy name").clicked() {
        ui.ctx().copy_text(frame_name(source.labels, node));
        events.copied = Some("name");
        ui.close();
    }
    if ui.button("Copy stack").clicked() {
        ui.ctx().copy_text(stack_text(source.tree, source.labels, id));
        events.copied = Some("stack");
        ui.close();
    }
    if node.location != memray_index::LocationId::NONE && source.is_of_one_capture {
        ui.separator();
        events.function = function_menu::show(ui).map(|action| (id, action)).or(events.function);
    }
    zoom
}

/// A stack as text, a frame a line, the root's side first: `load_frame (/srv/app/loader.py:88)`.
pub(crate) fn stack_text(tree: &Tree, labels: &dyn Labels, id: TreeNodeId) -> String {
    let path = tree.path(id);
    let frames = path.iter().skip(1);
    let mut lines: Vec<String> = frames
        .take(MOST_COPIED_FRAMES)
        .map(|&id| {
            let node = tree.node(id);
            match frame_path(labels, node) {
                Some(path) => format!("{} ({path})", frame_name(labels, node)),
                None => frame_name(labels, node),
            }
        })
        .collect();
    let left_out = (path.len() - 1).saturating_sub(MOST_COPIED_FRAMES);
    if left_out > 0 {
        lines.push(format!("… {}", format_counted(left_out as i128, "more frame")));
    }
    lines.join("\n")
}
