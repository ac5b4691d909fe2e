// SPDX-License-Identifier: Apache-2.0
//! How large the selection's allocations were and how long they lived, as bars. A bar that is clicked becomes a filter.

use super::ROW_HEIGHT;
use crate::cell;
use crate::theme::Palette;
use egui::{Align, Label, Rect, RichText, Role, Sense, TextStyle, Ui, WidgetInfo, vec2};
use memray_index::{Amount, Distribution, LifetimeRange, SizeRange};
use memray_report::filtering::{lifetime_label, lifetime_words, size_label, size_words};
use memray_report::size::{Units, format_bytes, format_bytes_exact, format_counted, format_share_precise, format_sum};

/// More bars of sizes than this are drawn as fewer, of wider ranges.
const MOST_SIZES: usize = 10;
const LABEL_SHARE: f32 = 0.44;
const BYTES_WIDTH: f32 = 72.0;

/// What is shown.
#[derive(Clone, Copy)]
pub struct DistributionSource<'a> {
    /// Sizes and lifetimes.
    pub distribution: &'a Distribution,
    /// Of what was allocated when: `in the whole run`.
    pub when: &'a str,
    /// Whether a lifetime can be asked for.
    pub filters_lifetimes: bool,
    /// How sizes are written.
    pub units: Units,
}

/// A bar that was clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Of sizes.
    Size(SizeRange),
    /// Of lifetimes.
    Lifetime(LifetimeRange),
}

/// Draws both; the bar that was clicked.
pub(super) fn show(ui: &mut Ui, source: &DistributionSource<'_>) -> Option<Bar> {
    let DistributionSource { distribution, when, filters_lifetimes, units } = source;
    let palette = Palette::of(ui.visuals());
    let Distribution { allocated, never_freed, .. } = distribution;
    if *allocated == Amount::default() {
        return None;
    }
    let words = format!(
        "Allocated {when}: {} in {}, {} of it never freed",
        format_sum(allocated.bytes, *units),
        format_counted(allocated.allocations, "allocation"),
        format_share_precise(never_freed.bytes, allocated.bytes),
    );
    ui.add_space(8.0);
    ui.add(Label::new(RichText::new(words).color(palette.text_weak)).wrap());
    let mut clicked = None;
    super::section(ui, "Lifetimes");
    for (range, amount) in without_gap(&distribution.lifetimes) {
        let words = (lifetime_label(range), lifetime_words(range));
        if bar(ui, words, amount, allocated.bytes, *filters_lifetimes, *units) {
            clicked = Some(Bar::Lifetime(range));
        }
    }
    super::section(ui, "Sizes");
    for (range, amount) in merged(&distribution.sizes) {
        if bar(ui, (size_label(range), size_words(range)), amount, allocated.bytes, true, *units) {
            clicked = Some(Bar::Size(range));
        }
    }
    clicked
}

/// Bars of lifetimes without the empty ones between what was freed last and what never was.
fn without_gap(lifetimes: &[(LifetimeRange, Amount)]) -> Vec<(LifetimeRange, Amount)> {
    let is_never = |range: &LifetimeRange| range.at_most_ms.is_none();
    let last = lifetimes.iter().rposition(|(range, amount)| !is_never(range) && *amount != Amount::default());
    let bars = lifetimes.iter().enumerate();
    bars.filter(|(at, (range, _))| is_never(range) || Some(*at) <= last).map(|(_, bar)| *bar).collect()
}

/// At most [`MOST_SIZES`] bars of sizes, of as many classes each.
fn merged(sizes: &[(SizeRange, Amount)]) -> Vec<(SizeRange, Amount)> {
    let classes = sizes.len().div_ceil(MOST_SIZES).max(1);
    let merge = |bars: &[(SizeRange, Amount)]| {
        let (first, last) = (bars.first()?, bars.last()?);
        let range = SizeRange { from: first.0.from, to: last.0.to };
        let sum = bars.iter().fold(Amount::default(), |sum, (_, amount)| Amount {
            bytes: sum.bytes.saturating_add(amount.bytes),
            allocations: sum.allocations.saturating_add(amount.allocations),
        });
        Some((range, sum))
    };
    sizes.chunks(classes).filter_map(merge).collect()
}

fn bar(
    ui: &mut Ui,
    (label, words): (String, String),
    amount: Amount,
    total_bytes: i64,
    filters: bool,
    units: Units,
) -> bool {
    let palette = Palette::of(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let is_empty = amount == Amount::default();
    let is_button = filters && !is_empty;
    let sense = if !is_button { Sense::hover() } else { Sense::click() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), sense);
    let size = format_bytes(amount.bytes, units);
    let role = if !is_button { Role::Label } else { Role::Button };
    response.widget_info(|| WidgetInfo::labeled(role, true, format!("{words} {size}")));
    if is_button && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect.expand2(vec2(4.0, 0.0)), 3.0, palette.neutral_frame);
    }
    let (left, rest) = rect.split_left_right_at_x(rect.left() + rect.width() * LABEL_SHARE);
    let (track, right) = rest.split_left_right_at_x((rest.right() - BYTES_WIDTH).max(rest.left()));
    let colour = if is_empty { palette.text_weak } else { palette.text };
    cell::text(ui.painter(), left.with_max_x(left.right() - 6.0), Align::Min, &label, font.clone(), colour);
    let track = Rect::from_center_size(track.center(), vec2(track.width(), 6.0));
    let share = amount.bytes as f32 / total_bytes.max(1) as f32;
    cell::bar(ui.painter(), track, share, palette.heap, &palette);
    cell::quantity(ui.painter(), right, &size, font.size, colour, palette.text_weak);
    let response = response.on_hover_ui(|ui| {
        let exact = format_bytes_exact(amount.bytes);
        let share = format_share_precise(amount.bytes, total_bytes);
        ui.label(format!("{words}: {exact} in {}, {share}", format_counted(amount.allocations, "allocation")));
        if is_button {
            ui.label(RichText::new("Click to show only these").color(palette.text_weak));
        }
    });
    response.clicked()
}

#[cfg(test)]
mod tests {
    use super::*;
    use memray_index::SizeClass;

    #[test]
    fn many_classes_of_sizes_are_drawn_as_few_bars_that_add_up() {
        let sizes: Vec<(SizeRange, Amount)> = SizeClass::all()
            .skip(4)
            .take(23)
            .map(|class| (SizeRange { from: class, to: class }, Amount { bytes: 10, allocations: 1 }))
            .collect();
        let bars = merged(&sizes);
        assert_eq!(bars.len(), 8);
        assert_eq!(bars.iter().map(|(_, amount)| amount.bytes).sum::<i64>(), 230);
        assert_eq!((bars[0].0.from, bars[7].0.to), (sizes[0].0.from, sizes[22].0.to));
        for pair in bars.windows(2) {
            assert_eq!(pair[0].0.to.max_bytes() + 1, pair[1].0.from.min_bytes());
        }
        assert_eq!(merged(&sizes[..5]), sizes[..5]);
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn empty_bars_stand_only_between_full_ones_of_what_was_freed() {
        let bar = |more_than_ms, at_most_ms, bytes| {
            (LifetimeRange { more_than_ms, at_most_ms }, Amount { bytes, allocations: bytes })
        };
        let never = bar(Some(u64::MAX), None, 5);
        let bars = [
            bar(None, Some(1), 7),
            bar(Some(1), Some(2), 0),
            bar(Some(2), Some(3), 7),
            bar(Some(3), Some(4), 0),
            never,
        ];
        assert_eq!(without_gap(&bars), [bars[0], bars[1], bars[2], never]);
        assert_eq!(without_gap(&[never]), [never]);
        assert_eq!(without_gap(&bars[..1]), bars[..1]);
    }
}
