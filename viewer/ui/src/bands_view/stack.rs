// SPDX-License-Identifier: Apache-2.0
//! Bands on top of each other: [`Stack`]. Of a pixel column the sample is drawn at which the sum is largest, so that what
//! is shown was so at one moment, and no sample's peak is lost.

use crate::memory_graph::{TimeAxis, TimesOfDay};
use memray_index::{Bands, Moment, Timeline};
use memray_report::time::WallClock;

/// Bands on top of each other, the first at the bottom.
pub(super) struct Stack {
    /// Of the start, of each snapshot, of the peak and of the end.
    elapsed_ms: Vec<i64>,
    /// By band, one value fewer than there are times: nothing is live at the start.
    bands: Vec<Vec<u64>>,
    sums: Vec<u64>,
    /// The sample with the largest sum, the last of several.
    highest_sample: usize,
    /// The whole heap's peak, which stands among the samples.
    peak_sample: Option<usize>,
    /// By band, the first sample at which it was largest.
    largest: Vec<usize>,
    axis: TimeAxis,
}

impl Stack {
    pub(super) fn new(bands: &Bands, timeline: &Timeline) -> Self {
        let axis = TimeAxis::new(timeline);
        let times = axis.elapsed_ms().iter().copied().chain([axis.end_ms()]);
        let mut elapsed_ms: Vec<i64> = std::iter::once(0).chain(times).collect();
        let others = (&bands.others.1, bands.others_peak_bytes);
        let all = bands.bands.iter().map(|band| (&band.live_bytes, band.peak_bytes));
        let is_live = |(live_bytes, peak): &(&Vec<u64>, u64)| *peak > 0 || live_bytes.iter().any(|bytes| *bytes > 0);
        let all: Vec<(&Vec<u64>, u64)> = all.chain(Some(others).filter(is_live)).collect();
        let mut bands: Vec<Vec<u64>> = all.iter().map(|(live_bytes, _)| (*live_bytes).clone()).collect();
        // The peak lies between two snapshots.
        let peak = timeline.peak_interval.min(timeline.snapshots.len());
        let has_peak = all.iter().any(|(_, bytes)| *bytes > 0);
        if has_peak {
            elapsed_ms.insert(peak + 1, axis.middle_of_interval(peak));
            for (band, (_, bytes)) in bands.iter_mut().zip(&all) {
                band.resize(elapsed_ms.len() - 2, 0);
                band.insert(peak, *bytes);
            }
        }
        let mut sums = vec![0_u64; elapsed_ms.len()];
        for band in &bands {
            sums[1..].iter_mut().zip(band).for_each(|(sum, bytes)| *sum = sum.saturating_add(*bytes));
        }
        let highest_sample = (0..sums.len()).max_by_key(|&sample| sums[sample]).unwrap_or(0);
        let largest = |band: &Vec<u64>| (0..band.len()).rev().max_by_key(|&at| band[at]).map_or(0, |at| at + 1);
        let largest = bands.iter().map(largest).collect();
        let peak_sample = has_peak.then_some(peak + 1);
        Self { elapsed_ms, bands, sums, highest_sample, peak_sample, largest, axis }
    }

    pub(super) fn band_count(&self) -> usize {
        self.bands.len()
    }

    pub(super) fn end_ms(&self) -> i64 {
        self.axis.end_ms()
    }

    /// Times of day on the axis, by a clock.
    pub(super) fn times_of_day(&self, start_time_ms: i64, clock: Option<WallClock>) -> Option<TimesOfDay> {
        self.axis.times_of_day(start_time_ms, clock?)
    }

    /// Where a moment lies.
    pub(super) fn ms_of(&self, moment: Moment) -> f64 {
        self.axis.of(moment) as f64
    }

    pub(super) fn elapsed_ms(&self, sample: usize) -> i64 {
        self.elapsed_ms[sample]
    }

    /// The moment of a sample; of the peak that of the sample before.
    pub(super) fn moment_of(&self, sample: usize) -> Moment {
        let is_peak_before = self.peak_sample.is_some_and(|peak| peak <= sample);
        match sample - usize::from(is_peak_before) {
            0 => Moment::Start,
            at if sample + 1 < self.elapsed_ms.len() => Moment::Snapshot(at as u32 - 1),
            _ => Moment::End,
        }
    }

    /// The sample of a moment.
    pub(super) fn sample_of(&self, moment: Moment) -> usize {
        let last = self.elapsed_ms.len() - 1;
        let at = match moment {
            Moment::Start => return 0,
            Moment::Snapshot(at) => at as usize + 1,
            Moment::End => return last,
        };
        (at + usize::from(self.peak_sample.is_some_and(|peak| peak <= at))).min(last)
    }

    /// A band's bytes at a sample.
    pub(super) fn bytes(&self, band: usize, sample: usize) -> u64 {
        sample.checked_sub(1).and_then(|at| self.bands[band].get(at)).copied().unwrap_or(0)
    }

    /// All bands' bytes at a sample.
    pub(super) fn sum(&self, sample: usize) -> u64 {
        self.sums[sample]
    }

    /// The largest sum.
    pub(super) fn peak_bytes(&self) -> u64 {
        self.sums[self.highest_sample]
    }

    /// The sample with the largest sum, the last of several.
    pub(super) fn highest_sample(&self) -> usize {
        self.highest_sample
    }

    /// Whether a sample is the whole heap's peak.
    pub(super) fn is_peak(&self, sample: usize) -> bool {
        self.peak_sample == Some(sample)
    }

    /// When a band was largest, first, and how large.
    pub(super) fn largest(&self, band: usize) -> (i64, u64) {
        let sample = self.largest[band];
        (self.elapsed_ms[sample], self.bytes(band, sample))
    }

    /// The band that lies so many bytes up at a sample.
    pub(super) fn band_at(&self, sample: usize, bytes: u64) -> Option<usize> {
        let mut top = 0_u64;
        (0..self.bands.len()).find(|&band| {
            top = top.saturating_add(self.bytes(band, sample));
            bytes < top
        })
    }

    /// The samples to draw from one time to another: of each pixel column that with the largest sum, and one more on each
    /// side, so that the bands reach the edges.
    pub(super) fn samples(&self, (from_ms, to_ms): (f64, f64), columns: usize) -> Vec<usize> {
        let width_ms = ((to_ms - from_ms) / columns.max(1) as f64).max(f64::MIN_POSITIVE);
        let first = self.elapsed_ms.partition_point(|&at| (at as f64) < from_ms);
        let last = self.elapsed_ms.partition_point(|&at| at as f64 <= to_ms);
        let mut samples: Vec<usize> = first.checked_sub(1).into_iter().collect();
        let mut column = f64::NEG_INFINITY;
        for sample in first..last {
            let in_column = ((self.elapsed_ms[sample] as f64 - from_ms) / width_ms).floor();
            match samples.last_mut() {
                Some(drawn) if in_column == column => {
                    if self.sums[sample] >= self.sums[*drawn] {
                        *drawn = sample;
                    }
                }
                _ => samples.push(sample),
            }
            column = in_column;
        }
        samples.extend((last < self.elapsed_ms.len()).then_some(last));
        samples
    }
}
