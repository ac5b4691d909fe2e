// SPDX-License-Identifier: Apache-2.0

use super::stack::Stack;
use memray_index::{Band, Bands, Moment, RowKey, SnapshotRow, ThreadIndex, Timeline};

fn timeline(times_ms: impl IntoIterator<Item = i64>, end_time_ms: i64) -> Timeline {
    let snapshots = times_ms.into_iter().map(|time_ms| SnapshotRow { time_ms, rss_bytes: 0, heap_bytes: 0 });
    Timeline { snapshots: snapshots.collect(), end_time_ms, ..Timeline::default() }
}

fn stack(timeline: &Timeline, series: &[&[u64]], others: &[u64]) -> Stack {
    let band = |(at, live_bytes): (usize, &&[u64])| Band {
        key: RowKey::Thread(ThreadIndex(at as u32)),
        live_bytes: live_bytes.to_vec(),
        peak_bytes: 0,
    };
    let others = (3, others.to_vec());
    let bands = Bands { bands: series.iter().enumerate().map(band).collect(), others, others_peak_bytes: 0 };
    Stack::new(&bands, timeline)
}

#[test]
fn bands_and_the_others_add_up_and_are_found_by_their_height() {
    let stack = stack(&timeline([10, 20], 30), &[&[5, 50, 1], &[7, 0, 2]], &[0, 3, 4]);
    assert_eq!(stack.band_count(), 3);
    let sums: Vec<u64> = (0..4).map(|sample| stack.sum(sample)).collect();
    assert_eq!(sums, [0, 12, 53, 7], "nothing is live at the start");
    assert_eq!((stack.peak_bytes(), stack.highest_sample()), (53, 2));
    let at = |sample, bytes| stack.band_at(sample, bytes);
    assert_eq!([at(1, 0), at(1, 4), at(1, 5), at(1, 11), at(1, 12)], [Some(0), Some(0), Some(1), Some(1), None]);
    assert_eq!([at(2, 49), at(2, 50), at(2, 53)], [Some(0), Some(2), None], "an empty band is not met");
    assert_eq!((stack.largest(0), stack.largest(1)), ((20, 50), (10, 7)));
}

#[test]
fn each_moment_has_a_sample_also_beside_a_peak() {
    let plain = stack(&timeline([10, 20], 30), &[&[5, 50, 1]], &[]);
    let moments = [Moment::Start, Moment::Snapshot(0), Moment::Snapshot(1), Moment::End];
    assert_eq!(moments.map(|moment| plain.sample_of(moment)), [0, 1, 2, 3]);
    assert_eq!([0, 1, 2, 3].map(|sample| plain.moment_of(sample)), moments);
    let band = Band { key: RowKey::Thread(ThreadIndex(0)), live_bytes: vec![5, 50, 1], peak_bytes: 60 };
    let bands = Bands { bands: vec![band], others: (0, Vec::new()), others_peak_bytes: 0 };
    for (peak_interval, samples) in [(0, [0, 2, 3, 4]), (1, [0, 1, 3, 4]), (2, [0, 1, 2, 4])] {
        let peaked = Stack::new(&bands, &Timeline { peak_interval, ..timeline([10, 20], 30) });
        assert_eq!(moments.map(|moment| peaked.sample_of(moment)), samples);
        assert_eq!(samples.map(|sample| peaked.moment_of(sample)), moments);
        assert_eq!(peaked.moment_of(peak_interval + 1), moments[peak_interval], "the peak is after that moment");
    }
}

#[test]
fn others_that_were_never_live_have_no_band() {
    assert_eq!(stack(&timeline([10], 30), &[&[5, 1]], &[0, 0]).band_count(), 1);
    assert_eq!(stack(&timeline([10], 30), &[&[5, 1]], &[]).band_count(), 1);
}

#[test]
fn of_each_pixel_column_the_highest_sample_is_drawn() {
    let mut live_bytes: Vec<u64> = (0..100_000).map(|i| i % 7).collect();
    live_bytes[61_234] = 900;
    live_bytes.push(0);
    let stack = stack(&timeline((1..=100_000).map(|i| i * 10), 1_000_010), &[&live_bytes], &[]);
    let samples = stack.samples((0.0, 1_000_010.0), 500);
    assert!(samples.len() <= 502, "{}", samples.len());
    assert!(samples.is_sorted() && samples.contains(&61_235), "the peak is among them");
    // Zoomed in, all that is seen is drawn, and one more on each side.
    let few = stack.samples((101.0, 149.0), 500);
    assert_eq!(few, [10, 11, 12, 13, 14, 15]);
    assert_eq!(stack.samples((1_000_005.0, 1_000_007.0), 500), [100_000, 100_001]);
}

#[test]
fn the_peak_between_two_samples_is_one_of_them() {
    let timeline = Timeline { peak_interval: 1, ..timeline([10, 20], 30) };
    let band = |live_bytes: &[u64], peak_bytes| Band {
        key: RowKey::Thread(ThreadIndex(peak_bytes as u32)),
        live_bytes: live_bytes.to_vec(),
        peak_bytes,
    };
    let bands = vec![band(&[1, 2, 3], 70), band(&[0, 0, 0], 20)];
    let stack = Stack::new(&Bands { bands, others: (2, vec![4, 5, 6]), others_peak_bytes: 9 }, &timeline);
    let sums: Vec<(i64, u64)> = (0..5).map(|sample| (stack.elapsed_ms(sample), stack.sum(sample))).collect();
    assert_eq!(sums, [(0, 0), (10, 5), (15, 99), (20, 7), (30, 9)]);
    assert_eq!((stack.highest_sample(), stack.is_peak(2), stack.is_peak(3)), (2, true, false));
    assert_eq!((stack.largest(0), stack.largest(1), stack.bytes(2, 2)), ((15, 70), (15, 20), 9));
}
