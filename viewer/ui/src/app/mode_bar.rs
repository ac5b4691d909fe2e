// SPDX-License-Identifier: Apache-2.0
//! The mode bar: which memory is shown; and the field in which a moment or range is typed.

use super::command::Command;
use super::document::Document;
use super::view::{ModeChoice, Time};
use crate::joined_buttons::{self, JoinedButton};
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{Color32, DragValue, Id, Key, Modifiers, Popup, PopupCloseBehavior, Response, RichText, Ui};
use memray_index::Timeline;
use memray_report::moments::{Clock, parse_moment, parse_range};

/// Draws the bar, and opens the field where a moment is wanted.
pub(super) fn show(ui: &mut Ui, document: &mut Document, settings: &Settings) {
    // A handle: what it holds of the capture's header may be megabytes.
    let index = document.index.clone();
    let info = index.info();
    let asked = &mut document.view.asked;
    let button = |mode: ModeChoice| JoinedButton {
        label: mode.label(info),
        help: mode.help(),
        refusal: mode.refusal(info).map(str::to_owned),
        is_chosen: asked.mode == mode,
    };
    let buttons: Vec<_> = ModeChoice::ALL.into_iter().map(button).collect();
    let responses = joined_buttons::show(ui, "mode", &buttons);
    let mut chosen = None;
    for (mode, response) in ModeChoice::ALL.into_iter().zip(responses) {
        if response.clicked() {
            chosen = Some(Command::Ask(mode));
        }
        if mode == ModeChoice::LiveAt
            && let Some(time) = document.typed_time.show(&response, settings.typed_clock(), |_| index.timeline())
        {
            asked.choose(time);
        }
    }
    if asked.mode == ModeChoice::Temporary {
        threshold(ui, &mut asked.temporary_threshold);
    }
    if let Some(command) = chosen {
        document.perform(command, ui.ctx());
    }
}

/// How many further allocations still count as few.
pub(super) fn threshold(ui: &mut Ui, threshold: &mut u64) {
    let label = ui.label("threshold");
    let field = DragValue::new(threshold).range(1..=1_000_000_000).speed(0.2);
    ui.add(field).labelled_by(label.id).on_hover_text("Drag it, or click and type");
}

/// A moment or range being typed.
#[derive(Clone, Debug, Default)]
pub(super) struct TypedTime {
    text: String,
    is_open: bool,
    wants_focus: bool,
    problem: Option<String>,
}

impl TypedTime {
    /// Opens the field.
    pub(super) fn open(&mut self) {
        *self = Self { is_open: true, wants_focus: true, ..Self::default() };
    }

    /// Draws the field below a button, where it is open; the time that was entered. `timeline` may have it chosen whose time
    /// that is.
    pub(super) fn show<'t>(
        &mut self,
        anchor: &Response,
        clock: Clock,
        timeline: impl FnOnce(&mut Ui) -> &'t Timeline,
    ) -> Option<Time> {
        let mut is_open = self.is_open;
        let shown = Popup::from_response(anchor)
            .open_bool(&mut is_open)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| {
                let timeline = timeline(ui);
                self.field(ui, timeline, clock)
            });
        let entered = shown.and_then(|shown| shown.inner);
        self.is_open = is_open && entered.is_none();
        entered
    }

    /// What was entered, as another capture has it, if it counts from the start: times of day, samples and ends are each
    /// capture's own.
    pub(super) fn entered_of(&self, timeline: &Timeline, clock: Clock) -> Option<Time> {
        let counts_from_start = self.text.trim_end().ends_with('s') && !self.text.contains([':', '#', 'e']);
        counts_from_start.then(|| parse(&self.text, timeline, clock).ok()).flatten()
    }

    fn field(&mut self, ui: &mut Ui, timeline: &Timeline, clock: Clock) -> Option<Time> {
        let palette = Palette::of(ui.visuals());
        ui.set_width(330.0);
        let label = ui.label("Moment or range");
        let field = style::text_field(ui, &mut self.text, Id::unique("typed time"))
            .hint_text("14.2s   0:20:00   14:03:20   #12   2s..5s")
            .desired_width(f32::INFINITY);
        let response = ui.add(field).labelled_by(label.id);
        if std::mem::take(&mut self.wants_focus) {
            response.request_focus();
        }
        if response.changed() {
            self.problem = None;
        }
        let mut entered = None;
        // Taken, else the icicle would zoom by it.
        if response.lost_focus() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter)) {
            match parse(&self.text, timeline, clock) {
                Ok(time) => entered = Some(time),
                Err(problem) => {
                    self.problem = Some(problem);
                    response.request_focus();
                }
            }
        }
        let (words, colour): (&str, Color32) = match &self.problem {
            Some(problem) => (problem, palette.more),
            None if clock.prefers_day => {
                ("Enter shows it. 14:03:20 is a time of day, 14.2s counts from the start.", palette.text_weak)
            }
            None => ("Enter shows it. Times count from the start, or are times of day.", palette.text_weak),
        };
        ui.label(RichText::new(words).color(colour).small());
        entered
    }
}

fn parse(text: &str, timeline: &Timeline, clock: Clock) -> Result<Time, String> {
    match parse_moment(text, timeline, clock) {
        Ok(moment) => Ok(Time::Moment(moment)),
        Err(not_a_moment) => {
            let looks_like_range = text.contains(['-', '\u{2013}']) || text.contains("..");
            let range = parse_range(text, timeline, clock);
            range.map(Time::Range).map_err(|error| if looks_like_range { error } else { not_a_moment }.to_string())
        }
    }
}
