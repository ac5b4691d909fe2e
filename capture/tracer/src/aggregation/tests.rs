// SPDX-License-Identifier: Apache-2.0
//! The aggregation against a model that looks at everything after each step.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Stack, thread, allocator.
type Who = (u32, u64, Allocator);

/// Allocations and bytes.
type Held = BTreeMap<Who, (u64, u64)>;

#[derive(Clone, Copy, Debug)]
enum Step {
    Allocate { who: Who, address: u64, size_bytes: u64 },
    Free { address: u64 },
    Map { who: Who, page: u64, pages: u64 },
    Unmap { page: u64, pages: u64 },
}

#[derive(Default)]
struct Model {
    blocks: BTreeMap<u64, (Who, u64)>,
    /// Pieces of mappings.
    pieces: Vec<(Who, Range<u64>)>,
    at_peak: Held,
    peak_bytes: u64,
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Allocate { who, address, size_bytes } => {
                self.blocks.insert(address, (who, size_bytes));
            }
            Step::Free { address } => {
                self.blocks.remove(&address);
            }
            Step::Map { who, page, pages } => {
                self.unmap(page..page + pages);
                self.pieces.push((who, page..page + pages));
            }
            Step::Unmap { page, pages } => self.unmap(page..page + pages),
        }
        let held = self.held();
        let bytes = held.values().map(|(_, bytes)| bytes).sum();
        if bytes >= self.peak_bytes {
            (self.at_peak, self.peak_bytes) = (held, bytes);
        }
    }

    fn unmap(&mut self, gone: Range<u64>) {
        let rest = |(who, piece): (Who, Range<u64>)| {
            let parts = [piece.start..piece.end.min(gone.start), piece.start.max(gone.end)..piece.end];
            parts.into_iter().filter(|part| !part.is_empty()).map(move |part| (who, part))
        };
        self.pieces = std::mem::take(&mut self.pieces).into_iter().flat_map(rest).collect();
    }

    fn held(&self) -> Held {
        let mut held = Held::new();
        let blocks = self.blocks.values().copied();
        let pieces = self.pieces.iter().map(|(who, piece)| (*who, (piece.end - piece.start) * 4096));
        for (who, size_bytes) in blocks.chain(pieces) {
            let (allocations, bytes) = held.entry(who).or_default();
            *allocations += 1;
            *bytes += size_bytes;
        }
        held
    }
}

fn aggregate(aggregation: &mut Aggregation, step: Step) {
    let of = |allocator, address, size_bytes| Allocation { address, size_bytes, allocator, native_frame: 0 };
    let mut allocate = |(stack, thread, allocator), address, size_bytes| {
        let allocation = of(allocator, address, size_bytes);
        aggregation.allocate(Site::new(stack, ThreadId(thread), &allocation, 0), &allocation).unwrap();
    };
    match step {
        Step::Allocate { who, address, size_bytes } => allocate(who, address, size_bytes),
        Step::Map { who, page, pages } => allocate(who, page * 4096, pages * 4096),
        Step::Free { address } => aggregation.free(&of(Allocator::Free, address, 0)),
        Step::Unmap { page, pages } => aggregation.free(&of(Allocator::Munmap, page * 4096, pages * 4096)),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = |allocators: &'static [Allocator]| (0u32..4, 1u64..4, prop::sample::select(allocators));
    // Few, so that they meet. Sizes of nothing, and such that peaks are of one height.
    let address = || (1u64..40).prop_map(|number| number * 16);
    let size_bytes = prop_oneof![Just(0u64), Just(4096), 1u64..100_000];
    let pages = || (0u64..60, 1u64..12);
    let step = prop_oneof![
        4 => (who(&[Allocator::Malloc, Allocator::Calloc]), address(), size_bytes)
            .prop_map(|(who, address, size_bytes)| Step::Allocate { who, address, size_bytes }),
        4 => address().prop_map(|address| Step::Free { address }),
        1 => (who(&[Allocator::Mmap]), pages()).prop_map(|(who, (page, pages))| Step::Map { who, page, pages }),
        2 => pages().prop_map(|(page, pages)| Step::Unmap { page, pages }),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn sums_are_those_of_a_model_that_looks_at_everything(steps in steps()) {
        let (mut aggregation, mut model) = (Aggregation::new(), Model::default());
        for &step in &steps {
            aggregate(&mut aggregation, step);
            model.step(step);
            let held: u64 = model.held().values().map(|(_, bytes)| bytes).sum();
            prop_assert_eq!(aggregation.heap_bytes(), held);
        }
        prop_assert_eq!(aggregation.count(), steps.len() as u64);
        let (mut at_peak, mut at_end) = (Held::new(), Held::new());
        for sum in aggregation.finish() {
            prop_assert!(sum.peak_allocations + sum.leaked_allocations > 0);
            let who = (sum.stack as u32, sum.thread.0, sum.allocator);
            for (held, allocations, bytes) in [
                (&mut at_peak, sum.peak_allocations, sum.peak_bytes),
                (&mut at_end, sum.leaked_allocations, sum.leaked_bytes),
            ] {
                if allocations > 0 {
                    prop_assert_eq!(held.insert(who, (allocations, bytes)), None, "each site once");
                } else {
                    prop_assert_eq!(bytes, 0);
                }
            }
        }
        prop_assert_eq!(at_end, model.held());
        prop_assert_eq!(at_peak, model.at_peak);
    }
}

#[test]
fn a_stack_has_one_number_wherever_it_comes_from() {
    let mut aggregation = Aggregation::new();
    let frame = |code| FrameKey { code, instruction_offset: 4, is_entry: true };
    assert_eq!([aggregation.frame(frame(7)), aggregation.frame(frame(9))], [(0, true), (1, true)]);
    assert_eq!(aggregation.frame(frame(7)), (0, false));
    assert_eq!([aggregation.stack(0, 0), aggregation.stack(1, 1)], [(1, true), (2, true)]);
    assert_eq!([aggregation.stack(0, 1), aggregation.stack(1, 1)], [(3, true), (2, false)]);
}
