// SPDX-License-Identifier: Apache-2.0
//! The parts of a document drawn: each view is given the answers that are there, and what the user did in it changes
//! what is shown.

use super::super::command::Command;
use super::super::history::Step;
use super::super::selection::Selection;
use super::super::view::{Tab, Time, WHOLE_RUN};
use super::super::worker::born_in;
use super::{Answers, Document};
use crate::settings::{AxisChoice, Settings};
use crate::{bands_view, details, growth_view, icicle, memory_graph, statistics_view, table_view};
use egui::Ui;
use memray_index::{
    Amount, CaptureInfo, GroupBy, Index, LocationId, Mode, NamedFunction, Refusal, RowKey, StringId, TreeNodeId,
};
use memray_report::moments::elapsed_ms;
use memray_report::size::{Units, format_counted};
use memray_report::time::format_elapsed_range;

impl Document {
    /// Draws the main view; something to say for a moment, if there is.
    pub(in crate::app) fn show_main(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        match self.view.tab {
            Tab::Icicle => self.show_icicle(ui, settings),
            Tab::Table => self.show_table(ui, settings),
            Tab::Growth => self.show_growth(ui, settings),
            Tab::Statistics => self.show_statistics(ui, settings),
            Tab::Callers => self.show_sandwich(ui, settings),
            Tab::Bands => self.show_bands(ui, settings),
        }
    }

    /// The selection's row in a table of this grouping.
    fn selected_key(&self, group_by: GroupBy) -> Option<RowKey> {
        self.view.selection.as_ref().and_then(|selection| selection.key_in(&self.index, group_by))
    }

    /// Draws the memory graph.
    pub(in crate::app) fn show_graph(&mut self, ui: &mut Ui, settings: &Settings, commands: &mut Vec<Command>) {
        let selected = self.answers.selected.as_ref().filter(|s| Some(&s.selection) == self.view.selection.as_ref());
        let line = selected.and_then(|selected| Some((selected.name.as_str(), selected.live_bytes.as_deref()?)));
        let source = memory_graph::Source {
            timeline: self.index.timeline(),
            generation: 0,
            selection: line.map(|(name, bytes)| memory_graph::SelectionLine {
                name,
                bytes,
                generation: self.selected_generation,
            }),
            range: self.view.asked.range_in_effect(),
            moment: self.view.asked.moment_in_effect(),
            is_provisional: false,
            beside: None,
            over: None,
            stops_early: self.index.info().stops_early(),
            units: settings.units.units(),
            clock: settings.clock.wall_clock(),
            has_times_of_day: settings.axis == AxisChoice::TimesOfDay,
        };
        let events = self.graph.show(ui, &source);
        if self.index.info().is_aggregated() {
            // Its samples can be looked at, and asked nothing.
            return;
        }
        if let Some(range) = events.range {
            self.view.asked.choose(Time::Range(range));
        }
        if let Some(moment) = events.moment {
            self.view.asked.choose(Time::Moment(moment));
        }
        if events.undoes_click {
            commands.push(Command::Back);
        }
    }

    fn show_table(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let (_, group_by, rows) = self.answers.table.as_ref()?;
        let shown_by = *group_by;
        let total = self.answers.tree().map_or(Amount::default(), |(answer, _)| answer.total);
        let source = table_view::Source {
            rows,
            total,
            group_by: *group_by,
            labels: &self.labels,
            hits: self.row_matcher.as_ref().map(|(_, hits)| hits),
            selected: self.selected_key(*group_by),
            units: settings.units.units(),
        };
        let events = self.table.show(ui, &source);
        if let Some(key) = events.selected {
            self.select_row(key, shown_by);
        }
        if let Some(group_by) = events.group_by {
            self.view.group_by = group_by;
        }
        if let Some((key, action)) = events.function
            && let Some(function) = self.function_of(key)
        {
            self.select_row(key, shown_by);
            self.ask_about(function, action);
        }
        events.copied.map(|copied| match copied {
            table_view::Copied::Table(rows) => format!("Copied {}", format_counted(rows as u64, "row")),
            table_view::Copied::Text => "Copied".to_owned(),
        })
    }

    fn show_growth(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let (range, by, outcome) = self.answers.growth.as_ref()?;
        let group_by = by.group_by();
        let refusal = outcome.as_ref().err().map(Refusal::sentence);
        let timeline = self.index.timeline();
        let mut words = format_elapsed_range(elapsed_ms(timeline, range.from), elapsed_ms(timeline, range.to));
        if self.view.asked.range_in_effect().is_none() {
            words += "; the first tenth of the run is left out, as it is mostly start-up";
        }
        let source = growth_view::Source {
            rows: outcome.as_ref().map_err(|_| refusal.as_deref().unwrap_or_default()),
            by: *by,
            range: &words,
            labels: &self.labels,
            selected: self.selected_key(group_by),
            units: settings.units.units(),
        };
        let events = self.growth.show(ui, &source);
        if let Some(by) = events.by {
            self.view.growth_by = by;
        }
        if let Some(key) = events.selected {
            self.select_row(key, group_by);
        }
        events.copied.then(|| "Copied".to_owned())
    }

    fn show_bands(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let (charge, _, outcome) = self.answers.bands.as_ref()?;
        let has_native_stacks = self.index.info().header.has_native_traces;
        let bands = match outcome {
            Ok(bands) => bands,
            Err(refusal) => {
                if let Some(charge) = bands_view::choose(ui, *charge, has_native_stacks) {
                    self.view.bands_by = charge;
                }
                ui.add_space(24.0);
                ui.vertical_centered(|ui| ui.label(refusal.sentence()));
                return None;
            }
        };
        let source = bands_view::Source {
            bands,
            charge: *charge,
            timeline: self.index.timeline(),
            has_native_stacks,
            visible_ms: self.graph.visible_ms(),
            range: self.view.asked.range_in_effect(),
            picked: None,
            times_of_day: (settings.axis == AxisChoice::TimesOfDay).then(|| settings.clock.wall_clock()),
            labels: &*self.labels,
            click_words: "Click to show only this",
            units: settings.units.units(),
        };
        let events = self.bands.show(ui, &source);
        if let Some(charge) = events.charge {
            self.view.bands_by = charge;
        }
        if let Some(range) = events.range {
            self.view.asked.choose(Time::Range(range));
        }
        if let Some(only) = events.only {
            self.view.filter.show_only(only);
        }
        None
    }

    fn show_statistics(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let outcome = self.answers.statistics.as_ref()?;
        let refusal = outcome.as_ref().err().map(Refusal::sentence);
        let source = statistics_view::Source {
            statistics: outcome.as_ref().map_err(|_| refusal.as_deref().unwrap_or_default()),
            info: self.index.info(),
            timeline: self.index.timeline(),
            thread_count: self.index.threads().len(),
            labels: &*self.labels,
            units: settings.units.units(),
            clock: settings.clock.wall_clock(),
        };
        let events = self.statistics.show(ui, &source);
        if let Some(key) = events.selected {
            self.select_row(key, group_of(key));
        }
        events.copied.then(|| "Copied the statistics".to_owned())
    }

    /// Draws the panel of details; something to say for a moment, if there is.
    pub(in crate::app) fn show_details(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let selected = self.answers.selected.as_ref().filter(|s| Some(&s.selection) == self.view.selection.as_ref());
        let facts = selected.and_then(|selected| selected.facts.clone());
        let row = self.view.selection.as_ref().and_then(Selection::row);
        let (Some(facts), Some((key, group_by)), Some((answer, _))) = (facts, row, self.answers.tree()) else {
            let distribution =
                distribution_source(&self.answers, self.view.selection.as_ref(), &settings.units.units());
            let events = self.details.show(ui, None, distribution.as_ref());
            self.filter_by(events.bar);
            return None;
        };
        let source = details::Source {
            key,
            group_by,
            amount_words: amount_words(&answer.question.mode, self.index.info()),
            amount: facts.amount,
            own: facts.own,
            total: answer.total,
            parent: facts.parent,
            is_inverted: facts.is_inverted,
            growth: selected.and_then(|selected| selected.growth),
            threads: &facts.threads,
            further_threads: facts.further_threads,
            stack: &facts.stack_locations,
            selected_frame: facts.selected_frame,
            native: &facts.native,
            source_folders: &self.source_folders,
            line_bytes: self
                .answers
                .line_bytes
                .as_ref()
                .filter(|(file, _)| Some(*file) == file_of(&self.index, key))
                .map_or(&[], |(_, bytes)| bytes),
            capture_end_ms: self.index.timeline().end_time_ms,
            labels: &*self.labels,
            units: settings.units.units(),
        };
        let distribution = distribution_source(&self.answers, self.view.selection.as_ref(), &settings.units.units());
        let events = self.details.show(ui, Some(&source), distribution.as_ref());
        self.filter_by(events.bar);
        if let Some(node) = events.selected_frame.and_then(|row| facts.stack.get(row)) {
            self.select_node(*node);
            self.reveals_selection = true;
        }
        events.copied.then(|| "Copied".to_owned())
    }

    fn filter_by(&mut self, bar: Option<details::Bar>) {
        match bar {
            Some(details::Bar::Size(range)) => self.view.filter.size = Some(range),
            Some(details::Bar::Lifetime(range)) => self.view.filter.lifetime = Some(range),
            None => {}
        }
    }

    fn show_icicle(&mut self, ui: &mut Ui, settings: &Settings) -> Option<String> {
        let selected = self.selected_node();
        if std::mem::take(&mut self.reveals_selection) {
            match selected {
                Some(node) => self.icicle.reveal(node),
                // The worker has not yet said where it is.
                None => self.reveals_selection = self.view.selection.is_some() && !self.is_done,
            }
        }
        let (answer, tree) = self.answers.tree()?;
        let source = icicle::Source {
            tree,
            generation: self.generation,
            total: answer.total,
            labels: &self.index,
            is_signed: matches!(answer.question.mode, Mode::RangeGrowth(_)),
            is_flames: self.view.is_flames,
            is_coloured: self.view.own_code_in_colour,
            hits: self.answers.hits.as_ref().and_then(|hits| hits.as_deref().ok()),
            selected,
            units: settings.units.units(),
            is_of_one_capture: true,
            changes: None,
        };
        let events = self.icicle.show(ui, &source);
        if events.left.is_some() {
            self.history.left(Step { view: self.view.clone(), zoom: events.left });
        }
        let location = |node: TreeNodeId| self.index.location(tree.node(node).location);
        let asked = events.function.map(|(node, action)| (node, NamedFunction::of(location(node)), action));
        match events.selection {
            Some(icicle::Selection::Frame(node)) => self.select_node(node),
            Some(icicle::Selection::Nothing) => self.view.selection = None,
            None => {}
        }
        if let Some((node, function, action)) = asked {
            self.select_node(node);
            self.ask_about(function, action);
        }
        events.copied.map(|what| format!("Copied the {what}"))
    }
}

/// The file that a row is a place in.
fn file_of(index: &Index, key: RowKey) -> Option<StringId> {
    match key {
        RowKey::Location(location) if location != LocationId::NONE => Some(index.location(location).file),
        _ => None,
    }
}

/// What is known of the sizes and lifetimes of a selection, or of all where nothing is selected.
fn distribution_source<'a>(
    answers: &'a Answers,
    selection: Option<&Selection>,
    units: &Units,
) -> Option<details::DistributionSource<'a>> {
    let (question, of, distribution) = answers.distribution.as_ref()?;
    let when = if born_in(&question.mode) == WHOLE_RUN { "in the whole run" } else { "in the range" };
    let distribution = distribution.as_ref().filter(|_| of.as_ref() == selection)?;
    // Temporary allocations are not told by time.
    let filters_lifetimes = !matches!(question.mode, Mode::Temporary { .. });
    Some(details::DistributionSource { distribution, when, filters_lifetimes, units: *units })
}

/// What a statistic's bar would be grouped by in a table.
fn group_of(key: RowKey) -> GroupBy {
    match key {
        RowKey::Location(_) | RowKey::None => GroupBy::Location,
        RowKey::Function(..) => GroupBy::Function,
        RowKey::File(_) => GroupBy::File,
        RowKey::Module(_) => GroupBy::Module,
        RowKey::Thread(_) => GroupBy::Thread,
        RowKey::Allocator(_) => GroupBy::Allocator,
    }
}

/// What the details' amounts are amounts of.
fn amount_words(mode: &Mode, info: &CaptureInfo) -> &'static str {
    match mode {
        Mode::Peak => "live at the peak",
        Mode::Leaked if info.stops_early() => "live when the recording stops",
        Mode::Leaked => "leaked",
        Mode::LiveAt(_) => "live then",
        Mode::RangeLive(_) => "still live",
        Mode::RangePeak(_) => "live at its peak",
        Mode::RangeGrowth(_) => "growth",
        Mode::RangeChurn(_) => "allocated in it",
        Mode::Temporary { .. } => "temporary",
        Mode::Total => "allocated",
    }
}
