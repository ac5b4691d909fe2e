// SPDX-License-Identifier: Apache-2.0
//! What was live in all processes at one moment, as one icicle: [`TogetherView`], which asks the [`Indexes`] off the UI thread.

use super::super::view::View;
use super::summed::{Summed, mode_at};
use crate::background::{Background, Poll};
use crate::icicle::{self, Icicle};
use crate::joined_buttons::{self, JoinedButton};
use crate::labels::{Labels, LocationLabel};
use crate::theme::Palette;
use egui::{Align, Label, Layout, RichText, Ui};
use memray_index::{
    Index, LocationId, Moment, Question, Refusal, StringId, ThreadIndex, Together, Tree, TreeNodeId, TreeOptions,
};
use memray_report::size::{Units, format_bytes};
use memray_report::time::format_elapsed;
use std::borrow::Cow;
use std::sync::Arc;

/// More files are not held open at once.
pub(super) const MOST_PROCESSES: usize = 256;

/// Why processes cannot tell, of so many.
const MOST_REASONS: usize = 10;

/// The indexes of all processes, in the order of their list.
pub(super) struct Indexes {
    indexes: Vec<Index>,
    together: Together,
    names: Vec<String>,
}

impl Indexes {
    /// Of the processes that are called so.
    pub(super) fn new(indexes: Vec<Index>, names: Vec<String>) -> Self {
        let together = Together::new(&indexes);
        Self { indexes, together, names }
    }

    /// What was live at a moment.
    fn live_at(&self, time_ms: i64, is_split: bool) -> Live {
        let mut live = Live::default();
        let trees: Vec<Tree> = self
            .indexes
            .iter()
            .zip(&self.names)
            .map(|(index, name)| {
                let Some(mode) = mode_at(index.timeline(), time_ms) else { return Tree::default() };
                match index.ask(&Question { mode, ..View::default().question() }) {
                    Ok(answer) => {
                        live.processes += 1;
                        index.tree(&answer, TreeOptions::default())
                    }
                    Err(refusal) => {
                        live.silent.push((name.clone(), refusal));
                        Tree::default()
                    }
                }
            })
            .collect();
        live.tree = self.together.tree(&trees, is_split);
        live
    }
}

impl Labels for Indexes {
    fn location(&self, location: LocationId) -> LocationLabel<'_> {
        let known = self.together.location(location);
        LocationLabel {
            function: self.string(known.function),
            file: self.string(known.file),
            line: known.line,
            kind: known.kind,
            module: self.string(known.module),
            traits: known.traits,
        }
    }

    fn string(&self, string: StringId) -> Cow<'_, str> {
        String::from_utf8_lossy(self.together.bytes(string))
    }

    fn thread(&self, process: ThreadIndex) -> String {
        self.names.get(process.index()).cloned().unwrap_or_default()
    }
}

/// What was live.
#[derive(Default)]
struct Live {
    tree: Tree,
    /// How many processes ran.
    processes: usize,
    /// Those that ran and cannot tell, as captures that hold only sums, and why.
    silent: Vec<(String, Refusal)>,
}

/// What is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    moment: Moment,
    is_split: bool,
}

/// An icicle of all processes.
pub(super) struct TogetherView {
    icicle: Icicle,
    /// Whether each process has a tower of its own.
    is_split: bool,
    /// The moment that was picked; that of the highest sum if `None`.
    picked: Option<Moment>,
    selected: Option<TreeNodeId>,
    shown: Option<(Wish, Live)>,
    asking: Option<(Wish, Background<Live>)>,
    /// Counts trees.
    generation: u64,
}

impl Default for TogetherView {
    fn default() -> Self {
        Self {
            icicle: Icicle::named("Icicle of all processes"),
            is_split: true,
            picked: None,
            selected: None,
            shown: None,
            asking: None,
            generation: 0,
        }
    }
}

impl TogetherView {
    /// The moment that is shown.
    pub(super) fn moment(&self, summed: &Summed) -> Option<Moment> {
        self.picked.or(summed.highest.map(|highest| highest.moment))
    }

    /// Shows another moment.
    pub(super) fn pick(&mut self, moment: Moment) {
        self.picked = Some(moment);
    }

    fn wish(&self, summed: &Summed) -> Option<Wish> {
        Some(Wish { moment: self.moment(summed)?, is_split: self.is_split })
    }

    /// Whether what is to be shown is.
    pub(super) fn is_settled(&self, summed: &Summed) -> bool {
        self.wish(summed) == self.shown.as_ref().map(|(wish, _)| *wish)
    }

    /// Takes what was answered, and asks for what is to be shown.
    pub(super) fn update(&mut self, ui: &egui::Context, indexes: &Arc<Indexes>, summed: &Summed) {
        if let Some((wish, asking)) = &self.asking {
            match asking.poll() {
                Poll::Pending => return,
                Poll::Ready(live) => {
                    self.generation += 1;
                    self.shown = Some((*wish, live));
                }
                Poll::Failed => {}
            }
            self.asking = None;
        }
        let Some(wish) = self.wish(summed).filter(|_| !self.is_settled(summed)) else { return };
        let (indexes, time_ms) = (Arc::clone(indexes), summed.time_ms(wish.moment));
        let ask = move || indexes.live_at(time_ms, wish.is_split);
        self.asking = Some((wish, Background::start(ui, "memray-view together", ask)));
    }

    /// Fills `ui`; something to say for a moment, if there is.
    pub(super) fn show(&mut self, ui: &mut Ui, indexes: &Indexes, summed: &Summed, units: Units) -> Option<String> {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.choices(ui);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| self.caption(ui, summed, units));
            });
        });
        let (_, live) = self.shown.as_ref()?;
        if !live.silent.is_empty() {
            let palette = Palette::of(ui.visuals());
            let names: Vec<&str> = live.silent.iter().map(|(name, _)| name.as_str()).collect();
            let words = format!("Not in it: {}", names.join(", "));
            let reasons = || live.silent.iter().map(|(name, refusal)| format!("{name}: {}", refusal.sentence()));
            ui.add(Label::new(RichText::new(words).color(palette.note)).truncate()).on_hover_ui(|ui| {
                reasons().take(MOST_REASONS).for_each(|reason| drop(ui.label(reason)));
            });
        }
        ui.add_space(4.0);
        let source = icicle::Source {
            tree: &live.tree,
            generation: self.generation,
            total: live.tree.node(TreeNodeId(0)).amount,
            labels: indexes,
            is_signed: false,
            is_flames: false,
            is_coloured: true,
            hits: None,
            selected: self.selected,
            units,
            is_of_one_capture: false,
            changes: None,
        };
        let events = self.icicle.show(ui, &source);
        if let Some(selection) = events.selection {
            self.selected = selection.frame();
        }
        events.copied.map(|what| format!("Copied the {what}"))
    }

    /// What is shown, in words.
    fn caption(&self, ui: &mut Ui, summed: &Summed, units: Units) {
        let palette = Palette::of(ui.visuals());
        let Some((Wish { moment, .. }, live)) = &self.shown else {
            ui.label(RichText::new("Asking\u{2026}").color(palette.text_weak));
            return;
        };
        let elapsed_ms = summed.time_ms(*moment).saturating_sub(summed.timeline.start_time_ms);
        let is_highest = summed.highest.is_some_and(|highest| highest.moment == *moment);
        let words = format!(
            "Live at {}{}: {} in {}",
            format_elapsed(elapsed_ms),
            if is_highest { ", when the sum was highest" } else { "" },
            format_bytes(live.tree.node(TreeNodeId(0)).amount.bytes, units),
            match live.processes {
                1 => "1 process".to_owned(),
                count => format!("{count} processes"),
            },
        );
        let colour = if self.is_settled(summed) { palette.text_strong } else { palette.text_weak };
        ui.add(Label::new(RichText::new(words).color(colour)).truncate());
    }

    /// How processes are shown; and the way back to the highest sum.
    fn choices(&mut self, ui: &mut Ui) {
        let button =
            |label, help, is_split| JoinedButton { label, help, refusal: None, is_chosen: self.is_split == is_split };
        let buttons = [
            button("Side by side", "Each process beside the others", true),
            button("As one", "What processes have in common summed", false),
        ];
        let responses = joined_buttons::show(ui, "processes together", &buttons);
        for (response, is_split) in responses.iter().zip([true, false]) {
            if response.clicked() {
                self.is_split = is_split;
            }
        }
        if self.picked.is_some() && ui.button("Highest sum").on_hover_text("Show that moment again").clicked() {
            self.picked = None;
        }
    }
}
