// SPDX-License-Identifier: Apache-2.0
//! What the window shows of a capture: everything that back and forward go between, and the question it stands for.

use super::selection::Selection;
use memray_index::{
    CaptureInfo, Charge, Filter, GroupBy, GrowthBy, Mode, Moment, Question, TimeRange, Timeline, Translation,
    TreeOptions,
};

/// The modes, as the mode bar has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // `label` and `help` say what each is
pub enum ModeChoice {
    #[default]
    Peak,
    LiveAt,
    StillLive,
    PeakInRange,
    Growth,
    Churn,
    Temporary,
    Leaked,
    Total,
}

impl ModeChoice {
    /// Those of one capture, in the bar's order: what was allocated in all is its churn over the whole run.
    pub const ALL: [Self; 8] = [
        Self::Peak,
        Self::LiveAt,
        Self::StillLive,
        Self::PeakInRange,
        Self::Growth,
        Self::Churn,
        Self::Temporary,
        Self::Leaked,
    ];

    /// Its name. What is live at the end of a recording that stops early need not have leaked.
    pub fn label(self, info: &CaptureInfo) -> &'static str {
        match self {
            Self::Leaked if info.stops_early() => "Live when the recording stops",
            other => other.name(),
        }
    }

    /// Its name, whatever the capture.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peak => "Peak",
            Self::LiveAt => "Live at…",
            Self::StillLive => "Still live",
            Self::PeakInRange => "Peak in range",
            Self::Growth => "Net growth",
            Self::Churn => "Churn",
            Self::Temporary => "Temporary",
            Self::Leaked => "Leaked",
            Self::Total => "All allocated",
        }
    }

    /// What it is, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Peak => "Live when the whole heap was largest",
            Self::LiveAt => "Live at a moment: click into the graph, or type one",
            Self::StillLive => "Allocated in the range and live at its end",
            Self::PeakInRange => "Live when the whole heap was largest within the range",
            Self::Growth => "Live at the range's end less live at its start",
            Self::Churn => "All that was allocated in the range, freed or not",
            Self::Temporary => "Freed again after few further allocations of the same thread",
            Self::Leaked => "Live after the last record",
            Self::Total => "All that the whole run allocated, freed or not",
        }
    }

    /// Whether it asks about a range.
    pub fn takes_range(self) -> bool {
        matches!(self, Self::StillLive | Self::PeakInRange | Self::Growth | Self::Churn)
    }

    /// Why a capture has no such mode.
    pub fn refusal(self, info: &CaptureInfo) -> Option<&'static str> {
        let needs_records = !matches!(self, Self::Peak | Self::Leaked);
        (needs_records && info.is_aggregated()).then_some(
            "This capture is aggregated: it holds sums for the peak and the end, and no single allocations. \
             Record without --aggregate to ask this.",
        )
    }
}

/// The main views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // named as in the window
pub enum Tab {
    #[default]
    Icicle,
    Table,
    Growth,
    Statistics,
    Callers,
    Bands,
}

impl Tab {
    /// All of them, as the window has them.
    pub const ALL: [Self; 6] = [Self::Icicle, Self::Table, Self::Growth, Self::Bands, Self::Statistics, Self::Callers];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Icicle => "Icicle",
            Self::Table => "Table",
            Self::Growth => "Growth",
            Self::Statistics => "Statistics",
            Self::Callers => "Callers",
            Self::Bands => "Over time",
        }
    }
}

/// Which memory of a capture is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The mode.
    pub mode: ModeChoice,
    /// The moment of [`ModeChoice::LiveAt`]; the end if none was chosen.
    pub moment: Option<Moment>,
    /// The range of the modes that take one; the whole run if none was chosen.
    pub range: Option<TimeRange>,
    /// The threshold of [`ModeChoice::Temporary`].
    pub temporary_threshold: u64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { mode: ModeChoice::Peak, moment: None, range: None, temporary_threshold: 1 }
    }
}

/// A moment, or a range: what is chosen in a graph, or typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A moment.
    Moment(Moment),
    /// A range.
    Range(TimeRange),
}

/// What the window shows of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Which memory.
    pub asked: Asked,
    /// Which stacks.
    pub filter: Filter,
    /// Whether threads are towers of their own.
    pub split_threads: bool,
    /// How the tree is laid out.
    pub tree: TreeOptions,
    /// Whether the root is drawn at the bottom.
    pub is_flames: bool,
    /// Whether libraries are grey.
    pub own_code_in_colour: bool,
    /// The main view.
    pub tab: Tab,
    /// What the table's rows stand for.
    pub group_by: GroupBy,
    /// By what growth is ranked.
    pub growth_by: GrowthBy,
    /// What memory over time is parted by.
    pub bands_by: Charge,
    /// What is selected.
    pub selection: Option<Selection>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            asked: Asked::default(),
            filter: Filter { hide_irrelevant: true, ..Filter::default() },
            split_threads: false,
            tree: TreeOptions::default(),
            is_flames: false,
            own_code_in_colour: true,
            tab: Tab::Icicle,
            group_by: GroupBy::Location,
            growth_by: GrowthBy::OwnCodeLine,
            bands_by: Charge::Module,
            selection: None,
        }
    }
}

/// The whole run.
pub(super) const WHOLE_RUN: TimeRange = TimeRange { from: Moment::Start, to: Moment::End };

impl Asked {
    /// As the index is asked for it.
    pub fn mode(&self) -> Mode {
        let range = self.range.unwrap_or(WHOLE_RUN);
        match self.mode {
            ModeChoice::Peak => Mode::Peak,
            ModeChoice::LiveAt => Mode::LiveAt(self.moment.unwrap_or(Moment::End)),
            ModeChoice::StillLive => Mode::RangeLive(range),
            ModeChoice::PeakInRange => Mode::RangePeak(range),
            ModeChoice::Growth => Mode::RangeGrowth(range),
            ModeChoice::Churn => Mode::RangeChurn(range),
            ModeChoice::Temporary => Mode::Temporary { threshold: self.temporary_threshold },
            ModeChoice::Leaked => Mode::Leaked,
            ModeChoice::Total => Mode::Total,
        }
    }

    /// The chosen range, where the mode takes one.
    pub fn range_in_effect(&self) -> Option<TimeRange> {
        self.range.filter(|_| self.mode.takes_range())
    }

    /// The chosen moment, where the mode takes one.
    pub fn moment_in_effect(&self) -> Option<Moment> {
        self.moment.filter(|_| self.mode == ModeChoice::LiveAt)
    }

    /// Chooses a range, and a mode that takes one; or a moment, and the mode that takes it.
    pub fn choose(&mut self, time: Time) {
        match time {
            Time::Range(range) => {
                (self.range, self.moment) = (Some(range), None);
                if !self.mode.takes_range() {
                    self.mode = ModeChoice::StillLive;
                }
            }
            Time::Moment(moment) => {
                (self.moment, self.range) = (Some(moment), None);
                self.mode = ModeChoice::LiveAt;
            }
        }
    }

    /// Forgets range and moment, and goes back to the peak where the mode was about them.
    pub fn clear_time(&mut self) {
        if self.mode.takes_range() || self.mode == ModeChoice::LiveAt {
            self.mode = ModeChoice::Peak;
        }
        self.range = None;
        self.moment = None;
    }

    /// The same of another index: times that that does not have are left out.
    pub fn translated(mut self, translation: &Translation<'_>) -> Self {
        let times = (self.moment, self.range);
        self.moment = self.moment.and_then(|moment| translation.moment(moment));
        self.range = self.range.and_then(|range| translation.range(range));
        if (self.moment, self.range) != times {
            self.clear_time();
        }
        self
    }
}

impl View {
    /// The question that it stands for.
    pub fn question(&self) -> Question {
        Question { mode: self.asked.mode(), filter: self.filter.clone(), split_threads: self.split_threads }
    }

    /// The range of the growth ranking: the chosen one, else from 10 % to 100 % of the run, which leaves start-up out.
    pub fn growth_range(&self, timeline: &Timeline) -> TimeRange {
        self.asked.range_in_effect().unwrap_or_else(|| TimeRange {
            from: timeline.moment_at(timeline.elapsed_ms(Moment::End) / 10),
            to: Moment::End,
        })
    }

    /// The same of another index: what that does not have is left out.
    pub fn translated(&self, translation: &Translation<'_>) -> Self {
        let asked = self.asked.translated(translation);
        let selection = self.selection.as_ref().and_then(|selection| selection.translated(translation));
        Self { asked, filter: translation.filter(&self.filter), selection, ..self.clone() }
    }

    /// Whether another view shows the same, up to what is selected in it.
    pub fn differs_in_selection_only(&self, other: &Self) -> bool {
        Self { selection: None, ..self.clone() } == Self { selection: None, ..other.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_opens_on_its_peak_with_irrelevant_frames_hidden_and_threads_merged() {
        let view = View::default();
        let question = view.question();
        assert_eq!(question.mode, Mode::Peak);
        assert!(question.filter.hide_irrelevant);
        assert!(!question.filter.hide_import_system);
        assert!(!question.split_threads);
        assert_eq!(view.tree, TreeOptions { is_inverted: false, folds_libraries: false });
        assert_eq!(view.tab, Tab::Icicle);
        assert_eq!(view.selection, None);
    }

    #[test]
    fn a_chosen_range_is_shown_as_still_live_unless_a_range_mode_is_on() {
        let range = TimeRange { from: Moment::Snapshot(1), to: Moment::Snapshot(5) };
        let mut view = View::default();
        view.asked.choose(Time::Range(range));
        assert_eq!(view.question().mode, Mode::RangeLive(range));
        view.asked.mode = ModeChoice::Churn;
        view.asked.choose(Time::Range(WHOLE_RUN));
        assert_eq!(view.question().mode, Mode::RangeChurn(WHOLE_RUN));
    }

    #[test]
    fn a_range_is_in_effect_only_in_a_mode_that_takes_one() {
        let range = TimeRange { from: Moment::Snapshot(1), to: Moment::Snapshot(5) };
        let mut view = View::default();
        view.asked.choose(Time::Range(range));
        assert_eq!(view.asked.range_in_effect(), Some(range));
        for mode in ModeChoice::ALL.into_iter().filter(|mode| !mode.takes_range()) {
            view.asked.mode = mode;
            assert_eq!(view.asked.range_in_effect(), None, "{mode:?}");
            assert_eq!(view.growth_range(&Timeline::default()).to, Moment::End);
        }
        view.asked.mode = ModeChoice::Churn;
        assert_eq!(view.question().mode, Mode::RangeChurn(range), "it is remembered");
        view.asked.choose(Time::Moment(Moment::Snapshot(2)));
        assert_eq!(view.asked.moment_in_effect(), Some(Moment::Snapshot(2)));
        view.asked.mode = ModeChoice::Leaked;
        assert_eq!(view.asked.moment_in_effect(), None);
    }
}
