// SPDX-License-Identifier: Apache-2.0
//! Both memory graphs side by side, on one scale, each below its capture's name.

use super::super::command::Command;
use super::super::tabs;
use super::super::view::Time;
use super::super::window::names_apart;
use super::CompareDocument;
use super::view::{SIDES, at, letter};
use crate::memory_graph::{self, Beside, Over};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{Align, Button, Label, Layout, RichText, Sense, Ui};
use memray_compare::Side;
use memray_index::{Index, Moment};
use std::path::PathBuf;

impl CompareDocument {
    /// Draws names and graphs.
    pub(super) fn show_graphs(&mut self, ui: &mut Ui, settings: &Settings, commands: &mut Vec<Command>) {
        let (duration_ms, largest_bytes) =
            self.indexes.iter().map(extent).fold((0, 0), |(a, b), (x, y)| (a.max(x), b.max(y)));
        let is_overlaid = self.view.is_overlaid;
        let mut undoes_click = false;
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.columns(2, |columns| {
            for (side, ui) in SIDES.into_iter().zip(columns) {
                self.heading(ui, side, commands);
                if !is_overlaid {
                    style::panel(ui, 6, |ui| {
                        let beside = Beside { side, duration_ms, largest_bytes };
                        undoes_click |= self.show_graph(ui, settings, beside, side, None);
                    });
                }
            }
        });
        if is_overlaid {
            let shift_ms = self.view.shift_ms([self.indexes[0].timeline(), self.indexes[1].timeline()]);
            // Of linked sides the one that ran longer: its last moments are none of the other's.
            let longer =
                if extent(&self.indexes[1]).0 > extent(&self.indexes[0]).0 { Side::After } else { Side::Before };
            let chosen = if self.view.is_linked { longer } else { self.view.chosen_side };
            // The one that is drawn later lies over the other.
            let side = if shift_ms < 0 { Side::After } else { Side::Before };
            let ends = SIDES.map(|of| {
                extent(&self.indexes[at(of)]).0.saturating_add(if of == side { 0 } else { shift_ms.saturating_abs() })
            });
            let duration_ms = ends[0].max(ends[1]);
            style::panel(ui, 6, |ui| {
                let beside = Beside { side, duration_ms, largest_bytes };
                undoes_click |= self.show_graph(ui, settings, beside, chosen, Some(shift_ms.saturating_abs()));
            });
        }
        if undoes_click {
            commands.push(Command::Back);
        }
    }

    /// `A before  svc-1.4.2.bin`; what belongs to a side stands behind.
    fn heading(&mut self, ui: &mut Ui, side: Side, commands: &mut Vec<Command>) {
        let palette = Palette::of(ui.visuals());
        let (role, colour) = match side {
            Side::Before => ("A before", palette.before),
            Side::After => ("B after", palette.after),
        };
        let height = ui.spacing().interact_size.y;
        ui.allocate_ui_with_layout(
            egui::vec2(ui.available_width(), height),
            Layout::right_to_left(Align::Center),
            |ui| {
                if side == Side::After {
                    let swap = Button::new(RichText::new("Swap").color(palette.text)).frame(false);
                    if ui.add(swap).on_hover_text(format!("{} (X)", Command::Swap.help())).clicked() {
                        commands.push(Command::Swap);
                    }
                }
                if !self.view.is_linked {
                    self.show_mode_of(ui, side);
                }
                if !self.view.is_linked && self.view.is_overlaid {
                    let is_chosen = self.view.chosen_side == side;
                    let (words, help) = (
                        format!("clicks choose {}", letter(side)),
                        "What is clicked or dragged in the graph is of this side",
                    );
                    if tabs::switch(ui, &words, is_chosen).on_hover_text(help).clicked() {
                        self.view.chosen_side = side;
                    }
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.label(RichText::new(role).text_style(style::strong()).color(colour));
                    let path = &self.paths[at(side)];
                    let [before, after] = names_apart(self.paths.each_ref().map(PathBuf::as_path));
                    let name = if side == Side::Before { before } else { after };
                    let name = RichText::new(name).color(palette.text);
                    let label = ui.add(Label::new(name).truncate().sense(Sense::hover()));
                    let path = memray_report::escape::visible(&path.to_string_lossy()).into_owned();
                    label.on_hover_text(format!("{}: {path}", letter(side)));
                });
            },
        );
    }

    /// Draws a side's graph; with the other's heap over it, so much later, if it is to show both. Times that are shown and
    /// chosen are those of `chosen`. Whether the last click is to be undone.
    fn show_graph(
        &mut self,
        ui: &mut Ui,
        settings: &Settings,
        beside: Beside,
        chosen: Side,
        over_ms: Option<i64>,
    ) -> bool {
        let side = beside.side;
        let over_it = self.indexes[at(side.other())].clone();
        let over = over_ms.map(|shift_ms| Over {
            timeline: over_it.timeline(),
            generation: 0,
            shift_ms,
            is_chosen: chosen != side,
        });
        let (index, asked) = (self.indexes[at(side)].clone(), self.view.asked[at(chosen)]);
        let source = memory_graph::Source {
            timeline: index.timeline(),
            generation: 0,
            selection: None,
            range: asked.range_in_effect(),
            moment: asked.moment_in_effect(),
            stops_early: index.info().stops_early(),
            is_provisional: false,
            units: settings.units.units(),
            clock: settings.clock.wall_clock(),
            has_times_of_day: false,
            beside: Some(beside),
            over,
        };
        let events = self.graphs[at(side)].show(ui, &source);
        let asks_both = self.view.is_linked;
        let is_aggregated = |index: &Index| index.info().is_aggregated();
        if is_aggregated(&self.indexes[at(chosen)]) || (asks_both && self.indexes.iter().any(is_aggregated)) {
            // Its samples can be looked at, and asked nothing.
            return false;
        }
        let time = events.range.map(Time::Range).or(events.moment.map(Time::Moment));
        if let Some(time) = time {
            let indexes = self.indexes.clone();
            self.view.choose_time(chosen, time, [indexes[0].timeline(), indexes[1].timeline()]);
        }
        events.undoes_click
    }
}

/// How long a capture ran, and the most that its graph shows.
fn extent(index: &Index) -> (i64, u64) {
    let timeline = index.timeline();
    let rss = index.info().peak_rss.map_or(0, |(bytes, _)| bytes);
    (timeline.elapsed_ms(Moment::End), timeline.peak_bytes.max(rss))
}
