// SPDX-License-Identifier: Apache-2.0
//! The first thing that is said of a capture: how large the heap was, when, and where it went.
//!
//! [`Headline`] leads. Its rule: in the call tree of the peak, with irrelevant frames hidden and threads merged, follow
//! the heaviest child from the root while it holds at least half of the total; name the last frame of the program's own
//! code on that way. Where there is none and the way ends because it splits, the three largest branches are named, each by
//! the same rule within itself: the frames above a split (a thread's start, the tracker's own call) say nothing. Where no
//! branch leads to own code either, the last relevant frame is named.

use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes, format_counted, format_share, format_sum};
use crate::time::{format_duration, format_elapsed};
use memray_compare::Change;
use memray_index::{
    Answer, CaptureInfo, Filter, Index, LocationId, Mode, Question, Refusal, Timeline, Tree, TreeNodeId, TreeOptions,
};

/// How many branches are named where none holds half.
const BRANCHES: usize = 3;

/// What stands between facts.
pub(crate) const FACT_SEPARATOR: &str = " \u{b7} ";

/// The headline: a sentence with names that can be followed, and a line of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headline {
    /// The sentence, piece by piece.
    pub segments: Vec<Segment>,
    /// The facts below it.
    pub facts: Vec<String>,
}

/// A piece of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its text, with the spaces around it.
    pub text: String,
    /// What selecting it selects.
    pub location: Option<LocationId>,
    /// Which kind of change it tells, where it tells one.
    pub change: Option<Change>,
}

impl Segment {
    /// Words alone.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), location: None, change: None }
    }

    /// The name of a location.
    pub(crate) fn name(text: String, location: LocationId) -> Self {
        Self { text, location: Some(location), change: None }
    }
}

/// What a headline is made of.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The capture.
    pub info: &'a CaptureInfo,
    /// Its times.
    pub timeline: &'a Timeline,
    /// Number of threads.
    pub thread_count: usize,
    /// Live after the last record.
    pub end_bytes: i64,
    /// The peak as a tree: irrelevant frames hidden, threads merged, root first.
    pub peak: &'a Tree,
}

impl Headline {
    /// The question whose tree a headline needs.
    pub fn question() -> Question {
        Question {
            mode: Mode::Peak,
            filter: Filter { hide_irrelevant: true, ..Filter::default() },
            split_threads: false,
        }
    }

    /// The headline of a capture.
    pub fn of(index: &Index, units: Units) -> Result<Self, Refusal> {
        let answer = index.ask(&Self::question())?;
        Self::from_answer(index, &answer, units)
    }

    /// The headline of a capture, from the answer to [`Self::question`] where that is at hand.
    pub fn from_answer(index: &Index, peak: &Answer, units: Units) -> Result<Self, Refusal> {
        let end = index.ask(&Question { mode: Mode::Leaked, ..Question::default() })?;
        let subject = Subject {
            info: index.info(),
            timeline: index.timeline(),
            thread_count: index.threads().len(),
            end_bytes: end.total.bytes,
            peak: &index.tree(peak, TreeOptions::default()),
        };
        Ok(Self::new(subject, index, units))
    }

    /// The headline of what was made ready.
    pub fn new(subject: Subject<'_>, names: &impl Labels, units: Units) -> Self {
        Self { segments: segments(subject, names, units), facts: facts(subject, units) }
    }

    /// The sentence as plain text.
    pub fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }

    /// The facts as one line.
    pub fn facts_line(&self) -> String {
        self.facts.join(FACT_SEPARATOR)
    }
}

impl Subject<'_> {
    /// Whether all sums are missing: an aggregated capture's are written when its program ends properly.
    fn has_no_sums(&self) -> bool {
        let nothing = self.peak.nodes.first().is_none_or(|root| root.amount.allocations == 0);
        self.info.is_aggregated() && self.info.stops_early() && nothing
    }
}

fn segments(subject: Subject<'_>, names: &impl Labels, units: Units) -> Vec<Segment> {
    let plain = |text: String| Segment::plain(text);
    if subject.has_no_sums() {
        let sampled = subject.timeline.snapshots.iter().map(|snapshot| snapshot.heap_bytes).max();
        let reached = sampled.map(|bytes| format!("; samples show a heap of up to {}", format_bytes(bytes, units)));
        return vec![plain(format!("Who allocated was not written{}", reached.unwrap_or_default()))];
    }
    let Some(root) = subject.peak.nodes.first() else {
        return vec![plain("No allocations were recorded".to_owned())];
    };
    let total = root.amount.bytes;
    if total < 0 {
        return vec![plain(
            "The sizes in this capture are impossible: they add up to more than can be counted".to_owned(),
        )];
    }
    if total == 0 {
        let nothing = if root.amount.allocations == 0 { "No allocations were recorded" } else { "Peak 0 B" };
        return vec![plain(nothing.to_owned())];
    }
    let mut start = format!("Peak {}", format_bytes(total, units));
    if !subject.info.is_aggregated() {
        // The samples of an aggregated capture do not say when its peak was.
        start += &format!(" at {}", format_elapsed(subject.timeline.peak_elapsed_ms()));
    }
    let mut segments = vec![plain(start + "; ")];
    let holders = holders(subject.peak, names);
    if holders.first().is_none_or(|largest| i128::from(largest.bytes) * 100 < i128::from(total)) {
        segments.push(plain("no single function holds 1 % of it".to_owned()));
        return segments;
    }
    for (i, holder) in holders.into_iter().enumerate() {
        let share = format_share(holder.bytes, total);
        let quantity = match (holder.bytes == total, i) {
            (true, _) => "all of it".to_owned(),
            (false, 0) if holder.is_majority => format!("{share} of it"),
            (false, 0) => share,
            (false, _) => format!(", {share}"),
        };
        match holder.location {
            Some(location) => {
                let place = labels::place(names, location);
                segments.push(plain(quantity + " in "));
                segments.push(Segment::name(labels::function(names, location), location));
                if !place.is_empty() {
                    segments.push(plain(format!(" ({place})")));
                }
            }
            None => segments.push(plain(quantity + " outside any Python function")),
        }
    }
    segments
}

/// What holds a share of the total: a frame, or no frame.
#[derive(Clone, Copy)]
struct Holder {
    location: Option<LocationId>,
    bytes: i64,
    is_own_code: bool,
    is_majority: bool,
}

/// Where a way down the tree led.
struct Way {
    named: Holder,
    end: TreeNodeId,
}

fn holders(tree: &Tree, names: &impl Labels) -> Vec<Holder> {
    const ROOT: TreeNodeId = TreeNodeId(0);
    let total = tree.node(ROOT).amount.bytes;
    let mut split = ROOT;
    let mut on_the_way = None;
    if let Some(heaviest) = tree.children(ROOT).next().map(TreeNodeId)
        && holds_half(tree.node(heaviest).amount.bytes, total)
    {
        let way = follow(tree, heaviest, total, names);
        let named = Holder { is_majority: true, ..way.named };
        if named.is_own_code {
            return vec![named];
        }
        (split, on_the_way) = (way.end, Some(named));
    }
    let at_split = tree.node(split);
    let itself = Holder {
        location: (split != ROOT).then_some(at_split.location),
        bytes: at_split.own.bytes,
        is_own_code: false,
        is_majority: holds_half(at_split.own.bytes, total),
    };
    if itself.is_majority {
        return vec![on_the_way.unwrap_or(itself)];
    }
    // The heaviest branches, each by what it names: that may hold less than the branch does, so they are sorted anew.
    let mut largest: Vec<Holder> = tree
        .children(split)
        .take(BRANCHES)
        .map(TreeNodeId)
        .map(|branch| follow(tree, branch, tree.node(branch).amount.bytes, names).named)
        .chain([itself])
        .filter(|holder| holder.bytes > 0)
        .collect();
    largest.sort_by_key(|holder| std::cmp::Reverse(holder.bytes));
    largest.truncate(BRANCHES);
    match on_the_way {
        Some(last_relevant) if !largest.iter().any(|holder| holder.is_own_code) => vec![last_relevant],
        _ => largest,
    }
}

/// Follows the heaviest child down from a node while it holds half of `whole`.
fn follow(tree: &Tree, from: TreeNodeId, whole: i64, names: &impl Labels) -> Way {
    let mut end = from;
    let (mut own_code, mut relevant) = (None, None);
    loop {
        let traits = names.location(tree.node(end).location).traits;
        if traits.is_own_code {
            own_code = Some(end);
        }
        if traits.is_interesting {
            relevant = Some(end);
        }
        match tree.children(end).next().map(TreeNodeId) {
            Some(child) if holds_half(tree.node(child).amount.bytes, whole) => end = child,
            _ => break,
        }
    }
    let node = tree.node(own_code.or(relevant).unwrap_or(end));
    let (bytes, is_own_code) = (node.amount.bytes, own_code.is_some());
    Way { named: Holder { location: Some(node.location), bytes, is_own_code, is_majority: false }, end }
}

fn holds_half(bytes: i64, whole: i64) -> bool {
    bytes > 0 && i128::from(bytes) * 2 >= i128::from(whole)
}

fn facts(subject: Subject<'_>, units: Units) -> Vec<String> {
    let Subject { info, timeline, .. } = subject;
    let live = if info.stops_early() { "live when the recording stops" } else { "still live at the end" };
    let mut facts = Vec::new();
    if !subject.has_no_sums() {
        facts.push(format!("{} {live}", format_sum(subject.end_bytes, units)));
    }
    if let Some((rss_bytes, time_ms)) = info.peak_rss {
        let elapsed_ms = time_ms.saturating_sub(timeline.start_time_ms);
        let when = if elapsed_ms < 0 { String::new() } else { format!(" at {}", format_elapsed(elapsed_ms)) };
        facts.push(format!("peak RSS {}{when}", format_bytes(rss_bytes, units)));
    }
    let ran = if info.stops_early() { "recorded" } else { "ran" };
    facts.push(format!("{ran} {}", format_duration(info.duration_ms)));
    if let Some(version) = info.header.python_version {
        facts.push(format!("Python {}.{}", version >> 24, (version >> 16) & 0xff));
    }
    facts.push(format_counted(subject.thread_count as u64, "thread"));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::{Names, Node, info, timeline, tree};
    use memray_format::FileFormat;
    use memray_index::Ending;

    const UNIT: i64 = 34_359_738; // a hundredth of 3.2 GiB

    fn headline_of(info: &CaptureInfo, tree: &Tree, names: &Names) -> Headline {
        let subject = Subject { info, timeline: &timeline(), thread_count: 3, end_bytes: 1_181_116_006, peak: tree };
        Headline::new(subject, names, Units::Binary)
    }

    fn text_of(tree: &Tree, names: &Names) -> String {
        headline_of(&info(), tree, names).text()
    }

    #[test]
    fn names_the_last_own_frame_on_the_way_that_holds_half() {
        let mut names = Names::default();
        let module = names.own("<module>", "/srv/svc.py", 214);
        let load = names.own("load_frame", "/srv/loader.py", 88);
        let read = names.library("read_csv", "/usr/lib/python3/dist-packages/pandas/io/readers.py", 1026);
        let small = names.own("small", "/srv/svc.py", 3);
        // The library below load_frame still holds half; what it calls does not.
        let below = vec![Node(read, 15 * UNIT, vec![Node(small, 40 * UNIT, vec![])])];
        let tree = tree(0, vec![Node(module, 39 * UNIT, vec![Node(load, 6 * UNIT, below)])]);
        let headline = headline_of(&info(), &tree, &names);
        assert_eq!(headline.text(), "Peak 3.20 GiB at 14.5 s; 61 % of it in load_frame (loader.py:88)");
        let links: Vec<_> = headline.segments.iter().filter(|s| s.location.is_some()).collect();
        assert_eq!(links, [&Segment::name("load_frame".to_owned(), load)]);
    }

    #[test]
    fn exactly_half_is_half() {
        let mut names = Names::default();
        let (a, b) = (names.own("a", "x.py", 1), names.own("b", "x.py", 2));
        let tree = tree(0, vec![Node(a, 50 * UNIT, vec![]), Node(b, 50 * UNIT, vec![])]);
        assert_eq!(text_of(&tree, &names), "Peak 3.20 GiB at 14.5 s; 50 % of it in a (x.py:1)");
    }

    #[test]
    fn without_own_code_on_the_way_names_the_last_relevant_frame() {
        let mut names = Names::default();
        let outer = names.library("run", "/usr/lib/python3.12/threading.py", 9);
        let inner = names.library("get", "/usr/lib/python3.12/queue.py", 4);
        let tree = tree(0, vec![Node(outer, UNIT, vec![Node(inner, 99 * UNIT, vec![])])]);
        assert_eq!(text_of(&tree, &names), "Peak 3.20 GiB at 14.5 s; 99 % of it in get (queue.py:4)");
    }

    #[test]
    fn where_it_splits_names_the_three_largest() {
        let mut names = Names::default();
        let start = names.library("_bootstrap", "/usr/lib/python3.12/threading.py", 1014);
        let (a, b) = (names.own("a", "x.py", 1), names.own("b", "y.py", 2));
        let (c, d) = (names.own("c", "z.py", 3), names.own("d", "z.py", 4));
        let tree = tree(
            8 * UNIT,
            vec![
                Node(start, 0, vec![Node(a, 31 * UNIT, vec![])]),
                Node(b, 30 * UNIT, vec![]),
                Node(c, 22 * UNIT, vec![]),
                Node(d, 9 * UNIT, vec![]),
            ],
        );
        assert_eq!(
            text_of(&tree, &names),
            "Peak 3.20 GiB at 14.5 s; 31 % in a (x.py:1), 30 % in b (y.py:2), 22 % in c (z.py:3)"
        );
    }

    #[test]
    fn a_split_below_frames_that_are_not_own_code_is_a_split() {
        let mut names = Names::default();
        let tracker = names.library("_run_tracker", "/usr/lib/python3/dist-packages/memray/commands/run.py", 83);
        let (a, b, c) = (names.own("a", "x.py", 1), names.own("b", "y.py", 2), names.own("c", "z.py", 3));
        let branches = vec![
            Node(a, 43 * UNIT, vec![]),
            Node(b, 0, vec![Node(c, 32 * UNIT, vec![])]),
            Node(names.library("other", "o.py", 4), 16 * UNIT, vec![]),
        ];
        assert_eq!(
            text_of(&tree(0, vec![Node(tracker, 9 * UNIT, branches)]), &names),
            "Peak 3.20 GiB at 14.5 s; 43 % in a (x.py:1), 32 % in c (z.py:3), 16 % in other (o.py:4)"
        );
    }

    #[test]
    fn a_split_that_leads_to_no_own_code_is_named_by_what_is_above_it() {
        let mut names = Names::default();
        let above = names.library("run", "threading.py", 9);
        let branches = (0..3).map(|i| Node(names.library("leaf", "l.py", i), 30 * UNIT, vec![])).collect();
        assert_eq!(
            text_of(&tree(0, vec![Node(above, 10 * UNIT, branches)]), &names),
            "Peak 3.20 GiB at 14.5 s; all of it in run (threading.py:9)"
        );
    }

    #[test]
    fn a_flat_profile_names_nobody() {
        let mut names = Names::default();
        let branches = (0..200).map(|i| Node(names.own(&format!("f{i}"), "x.py", i), UNIT / 2, vec![])).collect();
        assert_eq!(text_of(&tree(0, branches), &names), "Peak 3.20 GiB at 14.5 s; no single function holds 1 % of it");
    }

    #[test]
    fn memory_without_a_stack_is_named_as_such() {
        let mut names = Names::default();
        let a = names.own("a", "x.py", 1);
        assert_eq!(
            text_of(&tree(100 * UNIT, vec![]), &names),
            "Peak 3.20 GiB at 14.5 s; all of it outside any Python function"
        );
        let split =
            tree(45 * UNIT, vec![Node(a, 40 * UNIT, vec![]), Node(names.own("b", "x.py", 2), 15 * UNIT, vec![])]);
        assert_eq!(
            text_of(&split, &names),
            "Peak 3.20 GiB at 14.5 s; 45 % outside any Python function, 40 % in a (x.py:1), 15 % in b (x.py:2)"
        );
    }

    #[test]
    fn nothing_allocated_is_said_in_words() {
        assert_eq!(text_of(&Tree::default(), &Names::default()), "No allocations were recorded");
        let mut of_no_size = tree(0, vec![]);
        of_no_size.nodes[0].amount.allocations = 0;
        assert_eq!(text_of(&of_no_size, &Names::default()), "No allocations were recorded");
        of_no_size.nodes[0].amount.allocations = 3;
        assert_eq!(text_of(&of_no_size, &Names::default()), "Peak 0 B");
    }

    #[test]
    fn sizes_that_no_program_has_are_called_impossible() {
        let tree = tree(-10, vec![]);
        let subject =
            Subject { info: &info(), timeline: &timeline(), thread_count: 1, end_bytes: i64::MIN, peak: &tree };
        let headline = Headline::new(subject, &Names::default(), Units::Binary);
        assert_eq!(
            headline.text(),
            "The sizes in this capture are impossible: they add up to more than can be counted"
        );
        assert_eq!(headline.facts[0], "an impossible size still live at the end");
    }

    #[test]
    fn an_aggregated_capture_has_no_time_of_peak() {
        let mut info = info();
        info.header.file_format = FileFormat::Aggregated;
        let mut names = Names::default();
        let tree = tree(0, vec![Node(names.own("a", "x.py", 1), 100 * UNIT, vec![])]);
        assert_eq!(headline_of(&info, &tree, &names).text(), "Peak 3.20 GiB; all of it in a (x.py:1)");
    }

    #[test]
    fn an_aggregated_capture_of_a_killed_program_has_no_sums_and_says_so() {
        let mut info = info();
        info.header.file_format = FileFormat::Aggregated;
        info.ending = Ending::Truncated { offset: 7, reason: "the program was killed".to_owned() };
        let mut nothing = tree(0, vec![]);
        nothing.nodes[0].amount.allocations = 0;
        let headline = headline_of(&info, &nothing, &Names::default());
        let most = timeline().snapshots.iter().map(|snapshot| snapshot.heap_bytes).max().unwrap();
        let most = format_bytes(most, Units::Binary);
        assert_eq!(headline.text(), format!("Who allocated was not written; samples show a heap of up to {most}"));
        assert!(headline.facts[0].starts_with("peak RSS "), "{:?}", headline.facts);
    }

    #[test]
    fn facts_stand_in_one_line() {
        let headline = headline_of(&info(), &tree(1, vec![]), &Names::default());
        assert_eq!(
            headline.facts_line(),
            "1.10 GiB still live at the end · peak RSS 4.00 GiB at 15.1 s · ran 41.3 s · Python 3.12 · 3 threads"
        );
    }

    #[test]
    fn what_a_cut_recording_holds_at_its_end_is_not_called_leaked() {
        let mut info = info();
        info.ending = Ending::Truncated { offset: 7, reason: "the file ends within a record".to_owned() };
        info.header.python_version = None;
        info.peak_rss = None;
        assert_eq!(
            headline_of(&info, &tree(1, vec![]), &Names::default()).facts_line(),
            "1.10 GiB live when the recording stops · recorded 41.3 s · 3 threads"
        );
    }

    #[test]
    fn hostile_names_do_not_break_the_line() {
        let mut names = Names::default();
        let evil = names.own("evil\u{202e}\n", "x\u{1b}.py", 1);
        let text = text_of(&tree(0, vec![Node(evil, 100 * UNIT, vec![])]), &names);
        assert_eq!(text, "Peak 3.20 GiB at 14.5 s; all of it in evil\\u{202e}\\n (x\\u{1b}.py:1)");
    }
}
