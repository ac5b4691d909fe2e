// SPDX-License-Identifier: Apache-2.0
//! The heaps of several processes on one time axis: [`Summed`], a band for each of the largest. What is summed is each
//! process's heap at its last sample, so the sum may be less than what was live between samples.

use super::Process;
use memray_index::{Band, Bands, RowKey, SnapshotRow, ThreadIndex, Timeline};

/// Moments at most; of more samples than these, evenly spaced ones.
const MOST_MOMENTS: usize = 50_000;

/// Heaps over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Summed {
    /// From the first start to the last end, with the sum as its heap.
    pub(super) timeline: Timeline,
    /// The processes as bands, each by its place in the list.
    pub(super) bands: Bands,
}

impl Summed {
    /// Of some processes, at most so many as bands of their own.
    pub(super) fn new(processes: &[Process], most: usize) -> Self {
        let start_time_ms = processes.iter().map(|process| process.timeline.start_time_ms).min().unwrap_or(0);
        let end_time_ms = processes.iter().map(|process| process.timeline.end_time_ms).max().unwrap_or(0);
        let moments_ms = moments(processes, start_time_ms, end_time_ms);
        let mut all: Vec<Band> = (0_u32..)
            .zip(processes)
            .map(|(at, process)| Band {
                key: RowKey::Thread(ThreadIndex(at)),
                live_bytes: heap_at(&process.timeline, &moments_ms, end_time_ms),
            })
            .collect();
        let mut sums = vec![0_u64; moments_ms.len() + 1];
        for band in &all {
            sums.iter_mut().zip(&band.live_bytes).for_each(|(sum, bytes)| *sum = sum.saturating_add(*bytes));
        }
        all.sort_by_key(|band| std::cmp::Reverse(band.live_bytes.iter().copied().max()));
        let others = all.split_off(most.min(all.len()));
        let mut of_others = vec![0_u64; if others.is_empty() { 0 } else { sums.len() }];
        for band in &others {
            of_others.iter_mut().zip(&band.live_bytes).for_each(|(sum, bytes)| *sum = sum.saturating_add(*bytes));
        }
        let snapshots = moments_ms.iter().zip(&sums);
        Self {
            timeline: Timeline {
                start_time_ms,
                end_time_ms,
                snapshots: snapshots
                    .map(|(&time_ms, &heap_bytes)| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes })
                    .collect(),
                end_heap_bytes: sums.last().copied().unwrap_or(0),
                peak_bytes: sums.iter().copied().max().unwrap_or(0),
                ..Timeline::default()
            },
            bands: Bands { bands: all, others: (others.len(), of_others) },
        }
    }

    /// The largest sum, when that was (in milliseconds since the first start), and whose share of it was the largest.
    pub(super) fn peak(&self) -> Option<(u64, i64, ThreadIndex, u64)> {
        let sum_at = |at: usize| self.timeline.snapshots.get(at).map_or(self.timeline.end_heap_bytes, |s| s.heap_bytes);
        let at = (0..=self.timeline.snapshots.len()).rev().max_by_key(|&at| sum_at(at))?;
        let time_ms = self.timeline.snapshots.get(at).map_or(self.timeline.end_time_ms, |snapshot| snapshot.time_ms);
        let largest = self.bands.bands.iter().max_by_key(|band| band.live_bytes[at])?;
        let RowKey::Thread(process) = largest.key else { return None };
        Some((sum_at(at), time_ms.saturating_sub(self.timeline.start_time_ms), process, largest.live_bytes[at]))
    }
}

/// When all that is known of any process was sampled, and when each ended but the last.
fn moments(processes: &[Process], start_ms: i64, end_ms: i64) -> Vec<i64> {
    let of_process = |process: &Process| {
        let samples = process.timeline.snapshots.iter().map(|snapshot| snapshot.time_ms);
        // A process is live at its end, and is not just after it.
        let end = process.timeline.end_time_ms;
        samples.chain([end, end.saturating_add(1)]).collect::<Vec<_>>()
    };
    let mut moments: Vec<i64> =
        processes.iter().flat_map(of_process).filter(|ms| (start_ms..end_ms).contains(ms)).collect();
    moments.sort_unstable();
    moments.dedup();
    if moments.len() > MOST_MOMENTS {
        let span_ms = i128::from(end_ms) - i128::from(start_ms);
        let evenly = (1..=MOST_MOMENTS as i128).map(|i| start_ms + (span_ms * i / (MOST_MOMENTS as i128 + 1)) as i64);
        moments = evenly.collect();
    }
    moments
}

/// A process's heap at some moments, in order, and at the very end: that of its last sample, nothing before it started and
/// after it ended.
fn heap_at(timeline: &Timeline, moments_ms: &[i64], end_ms: i64) -> Vec<u64> {
    let mut sample = 0;
    let (mut heap_bytes, mut latest_ms) = (0, i64::MIN);
    let at = |&ms: &i64| {
        while let Some(snapshot) = timeline.snapshots.get(sample)
            && snapshot.time_ms.max(latest_ms) <= ms
        {
            // A clock that steps back leaves later samples where they are in the order of events.
            latest_ms = snapshot.time_ms.max(latest_ms);
            heap_bytes = snapshot.heap_bytes;
            sample += 1;
        }
        match ms {
            ms if ms < timeline.start_time_ms || ms > timeline.end_time_ms => 0,
            ms if ms == timeline.end_time_ms => timeline.end_heap_bytes,
            _ => heap_bytes,
        }
    };
    moments_ms.iter().chain([&end_ms]).map(at).collect()
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
        assert_eq!(summed.peak(), Some((107, 20, ThreadIndex(1), 100)));
        assert_eq!(summed.bands.bands[0].key, RowKey::Thread(ThreadIndex(1)), "the largest first");
        assert_eq!(summed.bands.bands[0].live_bytes, [0, 100, 100, 50, 40, 0, 0, 0]);
    }

    #[test]
    fn many_processes_share_the_last_band_and_the_sum_stays() {
        let processes: Vec<Process> = (1..=5).map(|i| process(0, &[(10, i * 10), (20, i)], (30, i))).collect();
        let summed = Summed::new(&processes, 2);
        assert_eq!((summed.bands.bands.len(), summed.bands.others.0), (2, 3));
        assert_eq!(summed.bands.others.1, [60, 6, 6]);
        assert_eq!(summed.timeline.snapshots[0].heap_bytes, 150);
        assert_eq!(Summed::new(&[], 2).peak(), None);
    }

    #[test]
    fn of_too_many_samples_evenly_spaced_moments_are_kept() {
        let samples: Vec<(i64, u64)> = (1..200_000).map(|i| (i * 10, i as u64)).collect();
        let summed = Summed::new(&[process(0, &samples, (2_000_000, 1))], 2);
        assert_eq!(summed.timeline.snapshots.len(), MOST_MOMENTS);
        assert!(summed.timeline.snapshots.is_sorted_by_key(|snapshot| snapshot.time_ms));
        assert!(summed.timeline.peak_bytes > 199_900);
    }
}
