// SPDX-License-Identifier: Apache-2.0
//! What a comparison shows: [`CompareView`]. Each side is asked about memory of its own; as long as the two are linked, it is
//! the same of both, at the same time since each began.

use super::super::view::{Asked, ModeChoice, Time};
use memray_compare::{Matching, RootRule, Side, Width};
use memray_index::{CaptureInfo, Filter, GroupBy, Moment, Question, Timeline, Translation, TreeOptions};
use memray_report::moments::{elapsed_ms, same_moment, same_range};

/// The main views of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::app) enum CompareTab {
    /// One icicle of both.
    #[default]
    Union,
    /// An icicle each.
    SideBySide,
    /// A table of both.
    Table,
}

impl CompareTab {
    /// All of them, as they stand side by side.
    pub(super) const ALL: [Self; 3] = [Self::Union, Self::SideBySide, Self::Table];

    /// Its name.
    pub(in crate::app) fn label(self) -> &'static str {
        match self {
            Self::Union => "Union",
            Self::SideBySide => "Side by side",
            Self::Table => "Table",
        }
    }
}

/// The modes of a comparison, in the bar's order.
pub(in crate::app) const MODES: [ModeChoice; 9] = [
    ModeChoice::Peak,
    ModeChoice::LiveAt,
    ModeChoice::StillLive,
    ModeChoice::PeakInRange,
    ModeChoice::Growth,
    ModeChoice::Churn,
    ModeChoice::Temporary,
    ModeChoice::Leaked,
    ModeChoice::Total,
];

/// Both sides, A first.
pub(in crate::app) const SIDES: [Side; 2] = [Side::Before, Side::After];

/// What a side is called.
pub(super) fn letter(side: Side) -> &'static str {
    match side {
        Side::Before => "A",
        Side::After => "B",
    }
}

/// Where a side stands in a pair.
pub(super) fn at(side: Side) -> usize {
    usize::from(side == Side::After)
}

/// What a comparison shows.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::app) struct CompareView {
    /// Which memory of each.
    pub(super) asked: [Asked; 2],
    /// Whether it is the same of both.
    pub(super) is_linked: bool,
    /// Of sides that are free, the one whose time is typed, or chosen in a graph of both.
    pub(super) chosen_side: Side,
    /// Whether one memory graph shows both.
    pub(super) is_overlaid: bool,
    /// The moments chosen last, each its side's own: sides that are free have these lie over each other in one graph.
    pub(super) marks: [Option<Moment>; 2],
    /// Which frames of both are shown.
    pub(super) filter: Filter,
    /// How trees are laid out.
    pub(super) tree: TreeOptions,
    /// Whether the root is drawn at the bottom.
    pub(super) is_flames: bool,
    /// What the union's frames are as wide as.
    pub(super) width: Width,
    /// Whether the union shows only what vanished.
    pub(super) only_vanished: bool,
    /// The main view.
    pub(in crate::app) tab: CompareTab,
    /// What the table's rows stand for.
    pub(super) group_by: GroupBy,
    /// When frames of both are the same.
    pub(super) matching: Matching,
}

impl Default for CompareView {
    fn default() -> Self {
        Self {
            asked: [Asked::default(); 2],
            is_linked: true,
            chosen_side: Side::Before,
            is_overlaid: false,
            marks: [None; 2],
            filter: Filter { hide_irrelevant: true, ..Filter::default() },
            tree: TreeOptions::default(),
            is_flames: false,
            width: Width::default(),
            only_vanished: false,
            tab: CompareTab::default(),
            group_by: GroupBy::OwnCodeLine,
            matching: Matching::default(),
        }
    }
}

impl CompareView {
    /// What each side is asked.
    pub(super) fn questions(&self) -> [Question; 2] {
        let question =
            |asked: Asked| Question { mode: asked.mode(), filter: self.filter.clone(), split_threads: false };
        self.asked.map(question)
    }

    /// The mode of both, if they have the same.
    pub(in crate::app) fn mode(&self) -> Option<ModeChoice> {
        let [before, after] = self.asked.map(|asked| asked.mode);
        (before == after).then_some(before)
    }

    /// Chooses the mode of both.
    pub(in crate::app) fn choose_mode(&mut self, mode: ModeChoice) {
        self.asked.iter_mut().for_each(|asked| asked.mode = mode);
    }

    /// Chooses a moment or range of a side; of the other the same, if they are linked.
    pub(super) fn choose_time(&mut self, side: Side, time: Time, timelines: [&Timeline; 2]) {
        self.asked[at(side)].choose(time);
        if self.is_linked {
            self.follow(side, timelines);
        }
        if let Time::Moment(_) = time {
            self.note_marks();
        }
    }

    /// What is asked of a moment is aligned by it.
    pub(super) fn note_marks(&mut self) {
        for (mark, asked) in self.marks.iter_mut().zip(&self.asked) {
            *mark = asked.moment_in_effect().or(*mark);
        }
    }

    /// Whose time is typed: linked sides follow A.
    pub(super) fn chosen_side(&self) -> Side {
        if self.is_linked { Side::Before } else { self.chosen_side }
    }

    /// Links the two, which then ask what A asks; or frees them.
    pub(super) fn toggle_linked(&mut self, timelines: [&Timeline; 2]) {
        self.is_linked = !self.is_linked;
        if self.is_linked {
            self.follow(Side::Before, timelines);
        }
    }

    /// Forgets the moments and ranges of both.
    pub(super) fn clear_time(&mut self) {
        self.asked.iter_mut().for_each(Asked::clear_time);
        self.marks = [None; 2];
    }

    /// Lets the other side ask what this one does, at the same time since each began.
    fn follow(&mut self, side: Side, timelines: [&Timeline; 2]) {
        let (from, to) = (timelines[at(side)], timelines[at(side.other())]);
        let asked = self.asked[at(side)];
        self.asked[at(side.other())] = Asked {
            moment: asked.moment.map(|moment| same_moment(moment, from, to)),
            range: asked.range.map(|range| same_range(range, from, to)),
            ..asked
        };
    }

    /// By how much later than A the graph of both begins with B; earlier, if negative. Sides that are free have the moments
    /// lie over each other that were chosen last, whatever they are asked now.
    pub(super) fn shift_ms(&self, timelines: [&Timeline; 2]) -> i64 {
        let marked = |side| Some(elapsed_ms(timelines[at(side)], self.marks[at(side)]?));
        match (self.is_linked, marked(Side::Before), marked(Side::After)) {
            (false, Some(before), Some(after)) => before.saturating_sub(after),
            _ => 0,
        }
    }

    /// The same of captures that were read again.
    pub(super) fn translated(&self, translations: [&Translation<'_>; 2]) -> Self {
        let [before, after] = self.asked;
        let mut view = self.clone();
        view.asked = [before.translated(translations[0]), after.translated(translations[1])];
        let mark = |at: usize| self.marks[at].and_then(|moment| translations[at].moment(moment));
        view.marks = [mark(0), mark(1)];
        let times = |asked: &[Asked; 2]| asked.map(|asked| (asked.moment, asked.range));
        if view.is_linked && times(&view.asked) != times(&self.asked) {
            // One alone has lost its time.
            view.asked.iter_mut().for_each(Asked::clear_time);
        }
        view
    }

    /// For captures that changed sides; `rules` are the roots that hold now.
    pub(super) fn swap(&mut self, rules: Option<&[(RootRule, usize)]>) {
        self.asked.swap(0, 1);
        self.marks.swap(0, 1);
        self.chosen_side = self.chosen_side.other();
        self.width = match self.width {
            Width::Larger => Width::Larger,
            Width::Before => Width::After,
            Width::After => Width::Before,
        };
        self.matching = self.matching.swapped(rules);
    }
}

/// What a mode is called of two captures.
pub(in crate::app) fn mode_label(mode: ModeChoice, infos: [&CaptureInfo; 2]) -> &'static str {
    match infos.map(|info| mode.label(info)) {
        [before, after] if before == after => before,
        // Where one stops early, not all that is live at the end has leaked.
        _ => "Live at the end",
    }
}

/// Why two captures have no such mode; A's reason goes before B's.
pub(in crate::app) fn mode_refusal(mode: ModeChoice, infos: [&CaptureInfo; 2]) -> Option<String> {
    let refusal = |side| mode.refusal(infos[at(side)]).map(|refusal| format!("{}: {refusal}", letter(side)));
    SIDES.into_iter().find_map(refusal)
}

#[cfg(test)]
mod tests {
    use super::super::super::view::WHOLE_RUN;
    use super::*;
    use memray_index::{SnapshotRow, TimeRange};

    /// A snapshot each second.
    fn timeline(start_time_ms: i64, seconds: i64) -> Timeline {
        let snapshot = |second| SnapshotRow { time_ms: start_time_ms + second * 1000, rss_bytes: 0, heap_bytes: 0 };
        Timeline {
            start_time_ms,
            end_time_ms: start_time_ms + seconds * 1000,
            snapshots: (0..seconds).map(snapshot).collect(),
            ..Timeline::default()
        }
    }

    #[test]
    fn a_moment_chosen_on_one_side_is_the_same_time_on_the_other() {
        let (short, long) = (timeline(50_000, 10), timeline(7, 20));
        let mut view = CompareView::default();
        view.choose_time(Side::Before, Time::Moment(Moment::Snapshot(4)), [&short, &long]);
        assert_eq!(view.asked.map(|asked| asked.mode), [ModeChoice::LiveAt; 2]);
        assert_eq!(view.asked[1].moment, Some(Moment::Snapshot(4)));
        // The shorter one's end is a moment of the longer one, but not the other way round.
        view.choose_time(Side::Before, Time::Moment(Moment::End), [&short, &long]);
        assert_eq!(view.asked[1].moment, Some(Moment::Snapshot(10)));
        view.choose_time(Side::After, Time::Moment(Moment::Snapshot(15)), [&short, &long]);
        assert_eq!(view.asked[0].moment, Some(Moment::End));
        let range = TimeRange { from: Moment::Start, to: Moment::Snapshot(6) };
        view.choose_time(Side::After, Time::Range(range), [&short, &long]);
        assert_eq!(view.asked.map(|asked| asked.range), [Some(range); 2]);
        view.choose_time(Side::After, Time::Range(WHOLE_RUN), [&short, &long]);
        assert_eq!(view.asked.map(|asked| asked.range), [Some(WHOLE_RUN); 2], "each its own");
    }

    #[test]
    fn sides_that_are_freed_are_chosen_each_for_itself_until_they_are_linked_again() {
        let (short, long) = (timeline(0, 10), timeline(0, 20));
        let mut view = CompareView::default();
        view.toggle_linked([&short, &long]);
        view.choose_time(Side::After, Time::Moment(Moment::Snapshot(2)), [&short, &long]);
        assert_eq!(view.asked.map(|asked| asked.mode), [ModeChoice::Peak, ModeChoice::LiveAt]);
        assert_eq!(view.mode(), None);
        view.toggle_linked([&short, &long]);
        assert_eq!(view.asked, [Asked::default(); 2]);
        assert_eq!(view.mode(), Some(ModeChoice::Peak));
    }

    #[test]
    fn graphs_lie_over_each_other_at_the_moments_that_free_sides_have() {
        let (short, long) = (timeline(0, 10), timeline(0, 20));
        let timelines = [&short, &long];
        let mut view = CompareView::default();
        view.choose_time(Side::Before, Time::Moment(Moment::Snapshot(4)), timelines);
        assert_eq!(view.shift_ms(timelines), 0, "both began at once");
        view.toggle_linked(timelines);
        view.choose_time(Side::After, Time::Moment(Moment::Snapshot(15)), timelines);
        assert_eq!(view.shift_ms(timelines), -11_000);
        view.choose_mode(ModeChoice::Peak);
        assert_eq!(view.shift_ms(timelines), -11_000, "peaks are compared with the graphs as they lie");
        let range = TimeRange { from: Moment::Start, to: Moment::Snapshot(6) };
        view.choose_time(Side::Before, Time::Range(range), timelines);
        assert_eq!(view.shift_ms(timelines), -11_000, "and so are ranges");
        view.swap(None);
        assert_eq!(view.shift_ms([&long, &short]), 11_000);
    }

    #[test]
    fn swapping_changes_what_is_of_a_side() {
        let mut view = CompareView { is_linked: false, width: Width::Before, ..CompareView::default() };
        view.asked[0].mode = ModeChoice::Leaked;
        let rule = RootRule { before: b"/a".to_vec(), after: b"/b".to_vec() };
        view.swap(Some(&[(rule.clone(), 3)]));
        assert_eq!(view.asked.map(|asked| asked.mode), [ModeChoice::Peak, ModeChoice::Leaked]);
        assert_eq!((view.width, view.chosen_side()), (Width::After, Side::After));
        let matching = Matching { roots: Some(vec![rule.swapped()]), translated: Side::After, by_line: false };
        assert_eq!(view.matching, matching, "the same capture's paths are translated");
    }
}
