// SPDX-License-Identifier: Apache-2.0
//! The heaps of several processes on one time axis: [`Summed`], a band for each of the largest. What is summed is each
//! process's heap at its last sample or peak, so the sum may be less than what was live in between.

use super::Process;
use memray_index::{Band, Bands, Mode, Moment, RowKey, SnapshotRow, ThreadIndex, Timeline};
use std::cmp::Reverse;
use std::sync::Arc;

/// Moments at most; of more, those with the largest sums of as many stretches.
const MOST_MOMENTS: usize = 50_000;

/// Heaps over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Summed {
    /// From the first start to the last end, with the sum as its heap.
    pub(super) timeline: Timeline,
    /// The processes as bands, each by its place in the list.
    pub(super) bands: Arc<Bands>,
    /// When the sum was largest.
    pub(super) highest: Option<Highest>,
}

/// The largest sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Highest {
    pub(super) bytes: u64,
    /// Which moment of the sums that was.
    pub(super) moment: Moment,
    /// Since the first start.
    pub(super) elapsed_ms: i64,
    /// The place in the list of the process with the largest share of it.
    pub(super) largest: usize,
    /// That share.
    pub(super) largest_bytes: u64,
}

impl Summed {
    /// The time of a moment.
    pub(super) fn time_ms(&self, moment: Moment) -> i64 {
        match moment {
            Moment::Start => self.timeline.start_time_ms,
            Moment::Snapshot(at) => {
                self.timeline.snapshots.get(at as usize).map_or(self.timeline.end_time_ms, |snapshot| snapshot.time_ms)
            }
            Moment::End => self.timeline.end_time_ms,
        }
    }

    /// Of some processes, at most so many as bands of their own: those with the largest heaps.
    pub(super) fn new(processes: &[Process], most: usize) -> Self {
        let start_time_ms = processes.iter().map(|process| process.timeline.start_time_ms).min().unwrap_or(0);
        let end_time_ms = processes.iter().map(|process| process.timeline.end_time_ms).max().unwrap_or(0);
        let changes: Vec<Vec<Change>> = processes.iter().map(|process| changes_of(&process.timeline)).collect();
        let moments_ms = moments(&changes, end_time_ms);
        let largest = |at: &usize| changes[*at].iter().map(|change| change.heap_bytes).max().unwrap_or(0);
        let mut order: Vec<usize> = (0..processes.len()).collect();
        order.sort_by_key(|at| Reverse(largest(at)));
        let others = &order[most.min(order.len())..];
        let mut sums = vec![0_u64; moments_ms.len()];
        let mut of_others = vec![0_u64; if others.is_empty() { 0 } else { sums.len() }];
        let mut bands = Vec::new();
        for (rank, &at) in order.iter().enumerate() {
            let live_bytes = heap_at(&changes[at], &moments_ms);
            add(&mut sums, &live_bytes);
            if rank < most {
                let key = RowKey::Thread(ThreadIndex(at as u32));
                bands.push(Band { key, live_bytes, peak_bytes: 0 });
            } else {
                add(&mut of_others, &live_bytes);
            }
        }
        let highest = (0..sums.len()).rev().max_by_key(|&at| sums[at]).map(|at| {
            let now = |process: &usize| {
                let heap = changes.get(*process).and_then(|changes| heap_at(changes, &moments_ms[at..=at]).pop());
                heap.unwrap_or(0)
            };
            let largest = (0..processes.len()).max_by_key(now).unwrap_or(0);
            let elapsed_ms = moments_ms[at].saturating_sub(start_time_ms);
            // The last moment is the end, which is no snapshot.
            let moment = if at + 1 < sums.len() { Moment::Snapshot(at as u32) } else { Moment::End };
            Highest { bytes: sums[at], moment, elapsed_ms, largest, largest_bytes: now(&largest) }
        });
        let end_heap_bytes = sums.last().copied().unwrap_or(0);
        let snapshots = moments_ms.iter().zip(&sums).take(sums.len().saturating_sub(1));
        let snapshot = |(&time_ms, &heap_bytes)| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes };
        Self {
            timeline: Timeline {
                start_time_ms,
                end_time_ms,
                snapshots: snapshots.map(snapshot).collect(),
                end_heap_bytes,
                peak_bytes: highest.map_or(0, |highest| highest.bytes),
                ..Timeline::default()
            },
            bands: Arc::new(Bands { bands, others: (others.len(), of_others), others_peak_bytes: 0 }),
            highest: highest.filter(|highest| highest.bytes > 0),
        }
    }
}

fn add(sums: &mut [u64], bytes: &[u64]) {
    sums.iter_mut().zip(bytes).for_each(|(sum, bytes)| *sum = sum.saturating_add(*bytes));
}

/// What is known of a process's heap from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    time_ms: i64,
    heap_bytes: u64,
    /// What answers with that heap, as long as there is any.
    mode: Option<Mode>,
}

/// What is known of a process's heap, in order of time: at each snapshot, at its peak, which lies between two, and at its
/// end; nothing after it.
fn changes_of(timeline: &Timeline) -> Vec<Change> {
    let snapshot = |(at, snapshot): (usize, &SnapshotRow)| Change {
        time_ms: snapshot.time_ms,
        heap_bytes: snapshot.heap_bytes,
        mode: Some(Mode::LiveAt(Moment::Snapshot(at as u32))),
    };
    let mut changes: Vec<Change> = timeline.snapshots.iter().enumerate().map(snapshot).collect();
    let peak_ms = timeline.start_time_ms.saturating_add(timeline.peak_elapsed_ms());
    if timeline.peak_bytes > 0 {
        let peak = Change { time_ms: peak_ms, heap_bytes: timeline.peak_bytes, mode: Some(Mode::Peak) };
        changes.insert(timeline.peak_interval.min(changes.len()), peak);
    }
    // A clock that steps back leaves later samples where they are in the order of events.
    let (start_ms, end_ms) = (timeline.start_time_ms, timeline.end_time_ms.max(timeline.start_time_ms));
    let mut latest_ms = start_ms;
    for Change { time_ms, .. } in &mut changes {
        latest_ms = latest_ms.max(*time_ms).min(end_ms);
        *time_ms = latest_ms;
    }
    let end = Change { time_ms: end_ms, heap_bytes: timeline.end_heap_bytes, mode: Some(Mode::Leaked) };
    changes.extend([end, Change { time_ms: end_ms.saturating_add(1), heap_bytes: 0, mode: None }]);
    changes
}

/// What answers with a process's heap at a moment; `None` before it began and after its end.
pub(super) fn mode_at(timeline: &Timeline, time_ms: i64) -> Option<Mode> {
    changes_of(timeline).iter().rfind(|change| change.time_ms <= time_ms)?.mode
}

/// When any process's heap changed, the end the last.
fn moments(changes: &[Vec<Change>], end_ms: i64) -> Vec<i64> {
    let mut all: Vec<(i64, usize, u64)> = Vec::new();
    for (process, changes) in changes.iter().enumerate() {
        let changes = changes.iter().filter(|change| change.time_ms <= end_ms);
        all.extend(changes.map(|change| (change.time_ms, process, change.heap_bytes)));
    }
    // Those of one process stay in their order.
    all.sort_by_key(|(ms, ..)| *ms);
    let mut now = vec![0_u64; changes.len()];
    let mut sum = 0_u128;
    let mut sums: Vec<(i64, u128)> = Vec::new();
    for at_once in all.chunk_by(|one, next| one.0 == next.0) {
        for &(_, process, bytes) in at_once {
            sum = sum + u128::from(bytes) - u128::from(std::mem::replace(&mut now[process], bytes));
        }
        sums.push((at_once[0].0, sum));
    }
    let highest = |stretch: &[(i64, u128)]| stretch.iter().max_by_key(|(_, sum)| *sum).map(|(ms, _)| *ms);
    let mut moments: Vec<i64> = match sums.len().div_ceil(MOST_MOMENTS) {
        0 | 1 => sums.iter().map(|(ms, _)| *ms).collect(),
        stretch => sums.chunks(stretch).filter_map(highest).collect(),
    };
    if moments.last() != Some(&end_ms) {
        moments.push(end_ms);
    }
    moments
}

/// A process's heap at some moments, in order.
fn heap_at(changes: &[Change], moments_ms: &[i64]) -> Vec<u64> {
    let mut next = 0;
    let at = |ms: &i64| {
        next += changes[next..].iter().take_while(|change| change.time_ms <= *ms).count();
        next.checked_sub(1).map_or(0, |last| changes[last].heap_bytes)
    };
    moments_ms.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn process(start_ms: i64, samples: &[(i64, u64)], end: (i64, u64)) -> Process {
        let snapshot = |&(time_ms, heap_bytes): &(i64, u64)| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes };
        let timeline = Timeline {
            start_time_ms: start_ms,
            end_time_ms: end.0,
            end_heap_bytes: end.1,
            snapshots: samples.iter().map(snapshot).collect(),
            ..Timeline::default()
        };
        Process::of_timeline(PathBuf::from("out.bin"), timeline)
    }

    #[test]
    fn each_process_counts_from_its_start_to_its_end() {
        let parent = process(100, &[(110, 5), (120, 7), (130, 9)], (140, 2));
        let child = process(115, &[(118, 100), (125, 50)], (128, 40));
        let summed = Summed::new(&[parent, child], 12);
        let at: Vec<(i64, u64)> = summed.timeline.snapshots.iter().map(|s| (s.time_ms, s.heap_bytes)).collect();
        let expected = [(110, 5), (118, 105), (120, 107), (125, 57), (128, 47), (129, 7), (130, 9)];
        assert_eq!(at, expected);
        assert_eq!((summed.timeline.end_time_ms, summed.timeline.end_heap_bytes), (140, 2));
        let highest =
            Highest { bytes: 107, moment: Moment::Snapshot(2), elapsed_ms: 20, largest: 1, largest_bytes: 100 };
        assert_eq!(summed.highest, Some(highest));
        assert_eq!(summed.bands.bands[0].key, RowKey::Thread(ThreadIndex(1)), "the largest first");
        assert_eq!(summed.bands.bands[0].live_bytes, [0, 100, 100, 50, 40, 0, 0, 0]);
    }

    #[test]
    fn a_process_that_ended_between_samples_counts_with_its_peak() {
        let mut short = process(100, &[(101, 0)], (124, 64));
        (short.timeline.peak_bytes, short.timeline.peak_interval) = (600, 1);
        let summed = Summed::new(&[short, process(90, &[(95, 5)], (200, 5))], 2);
        let highest =
            Highest { bytes: 605, moment: Moment::Snapshot(2), elapsed_ms: 22, largest: 0, largest_bytes: 600 };
        assert_eq!(summed.highest, Some(highest));
    }

    #[test]
    fn what_answers_at_a_moment_has_the_heap_that_was_summed() {
        let mut process = process(100, &[(101, 0), (110, 7)], (124, 64));
        (process.timeline.peak_bytes, process.timeline.peak_interval) = (600, 2);
        let mode = |ms| mode_at(&process.timeline, ms);
        assert_eq!(mode(100), None, "nothing is known before the first sample");
        assert_eq!(mode(101), Some(Mode::LiveAt(Moment::Snapshot(0))));
        assert_eq!(mode(115), Some(Mode::LiveAt(Moment::Snapshot(1))));
        assert_eq!((mode(117), mode(123)), (Some(Mode::Peak), Some(Mode::Peak)), "between the last sample and the end");
        assert_eq!(mode(124), Some(Mode::Leaked));
        assert_eq!(mode(125), None);
    }

    #[test]
    fn many_processes_share_the_last_band_and_the_sum_stays() {
        let processes: Vec<Process> = (1..=5).map(|i| process(0, &[(10, i * 10), (20, i)], (30, i))).collect();
        let summed = Summed::new(&processes, 2);
        assert_eq!((summed.bands.bands.len(), summed.bands.others.0), (2, 3));
        assert_eq!(summed.bands.others.1, [60, 6, 6]);
        assert_eq!(summed.timeline.snapshots[0].heap_bytes, 150);
        assert_eq!(Summed::new(&[], 2).highest, None);
    }

    #[test]
    fn the_largest_share_of_the_highest_sum_may_be_of_a_process_without_a_band() {
        let large = process(0, &[(10, 1000)], (20, 1000));
        let many = (0..30).map(|i| process(100, &[(110, 100 + i)], (120, 0)));
        let summed = Summed::new(&std::iter::once(large).chain(many).collect::<Vec<_>>(), 1);
        let highest =
            Highest { bytes: 3435, moment: Moment::Snapshot(3), elapsed_ms: 110, largest: 30, largest_bytes: 129 };
        assert_eq!(summed.highest, Some(highest));
    }

    #[test]
    fn of_too_many_samples_the_highest_of_each_stretch_is_kept() {
        let mut samples: Vec<(i64, u64)> = (1..200_000).map(|i| (i * 10, i as u64 % 7)).collect();
        samples[123_456].1 = 5_000;
        let summed = Summed::new(&[process(0, &samples, (2_000_000, 1)), process(0, &[(500, 1)], (2_000_000, 1))], 2);
        assert!(summed.timeline.snapshots.len() <= MOST_MOMENTS);
        assert!(summed.timeline.snapshots.is_sorted_by_key(|snapshot| snapshot.time_ms));
        assert_eq!(summed.highest.map(|highest| (highest.bytes, highest.elapsed_ms)), Some((5_001, 1_234_570)));
    }

    #[test]
    fn clocks_that_no_machine_has_do_no_harm() {
        let wild = process(i64::MIN, &[(i64::MAX, 3), (0, 4)], (i64::MAX, 5));
        let summed = Summed::new(&[wild, process(7, &[], (-7, 9))], 2);
        assert!(summed.timeline.peak_bytes >= 5);
    }
}
