// SPDX-License-Identifier: Apache-2.0
//! A stack, root first, each frame clickable. Only visible frames are laid out, as a stack may have a million.

use crate::cell;
use crate::focus;
use crate::labels::Labels;
use crate::row_name::RowName;
use crate::shown::shown;
use crate::theme::Palette;
use egui::{Align, Rect, Role, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};
use memray_index::{GroupBy, LocationId, RowKey};

const ROW_HEIGHT: f32 = 20.0;

/// Shows `stack`; returns the frame that was clicked, by its row.
pub(super) fn show(ui: &mut Ui, stack: &[LocationId], selected: Option<usize>, labels: &dyn Labels) -> Option<usize> {
    let palette = Palette::of(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let mut clicked = None;
    for_visible_rows(ui, stack.len(), |ui, row, rect| {
        let Some(location) = stack.get(row) else { return };
        let name = RowName::of(RowKey::Location(*location), GroupBy::Location, labels);
        let is_selected = selected == Some(row);
        let response = ui.interact(rect, ui.scope_id().with(("frame", row)), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_selected, name.spoken()));
        if response.hovered() {
            ui.painter().rect_filled(rect.expand2(vec2(4.0, 0.0)), 2.0, palette.text.gamma_multiply(0.07));
        }
        focus::ring(ui, &response, rect.expand2(vec2(4.0, 0.0)));
        let color = if is_selected {
            palette.selection
        } else if labels.location(*location).traits.is_own_code {
            palette.text_strong
        } else {
            palette.text_weak
        };
        let width = cell::text(ui.painter(), rect, Align::Min, &name.shown(), font.clone(), color);
        let rest = rect.with_min_x((rect.left() + width + 6.0).min(rect.right()));
        cell::text(ui.painter(), rest, Align::Min, &name.short_place(), font.clone(), palette.text_weak);
        if response.on_hover_text(format!("{}\n{}", name.shown(), name.full_place())).clicked() {
            clicked = Some(row);
        }
    });
    clicked
}

/// Shows lines of plain text, such as native frames.
pub(super) fn show_lines(ui: &mut Ui, lines: &[String]) {
    let palette = Palette::of(ui.visuals());
    let font = TextStyle::Monospace.resolve(ui.style());
    for_visible_rows(ui, lines.len(), |ui, row, rect| {
        let Some(line) = lines.get(row) else { return };
        let line = shown(line);
        let response = ui.interact(rect, ui.scope_id().with(("line", row)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &line));
        cell::text(ui.painter(), rect, Align::Min, &line, font.clone(), palette.text);
        response.on_hover_text(&*line);
    });
}

/// Takes the room of `row_count` rows and calls `show` for those that are visible.
fn for_visible_rows(ui: &mut Ui, row_count: usize, mut show: impl FnMut(&mut Ui, usize, Rect)) {
    let size = vec2(ui.available_width(), row_count as f32 * ROW_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let visible = ui.clip_rect();
    let row_at = |y: f32| ((y - rect.top()) / ROW_HEIGHT).floor().max(0.0) as usize;
    let end = row_at(visible.bottom()).saturating_add(1).min(row_count);
    for row in row_at(visible.top())..end {
        let top = rect.top() + row as f32 * ROW_HEIGHT;
        show(ui, row, Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), top + ROW_HEIGHT)));
    }
}
