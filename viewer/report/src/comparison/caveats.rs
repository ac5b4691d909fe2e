// SPDX-License-Identifier: Apache-2.0
//! What makes two captures hard to compare, in words: a sentence for the banner, a few words for the verdict.

use crate::time::format_duration;
use memray_compare::Caveat;
use memray_format::PythonAllocator;

/// A sentence that says what differs, and what follows from it.
pub fn caveat_sentence(caveat: &Caveat) -> String {
    match *caveat {
        Caveat::PythonAllocatorsTraced(before, _) => {
            let (traced, other) = sides(before);
            format!(
                "Python\u{2019}s own allocators were traced in {traced} only: small objects count one by one there, and as \
                 arenas in {other}. Record both alike to compare them."
            )
        }
        Caveat::NativeStacks(before, _) => {
            let (recorded, _) = sides(before);
            format!("Native stacks were recorded in {recorded} only: stacks are shown without its native frames.")
        }
        Caveat::PythonAllocator(before, after) => format!(
            "Python took its memory from {} in A and from {} in B: the same objects are other allocations.",
            allocator(before),
            allocator(after)
        ),
        Caveat::PythonVersion(before, after) => {
            let folded = if (before < INLINES_COMPREHENSIONS) == (after < INLINES_COMPREHENSIONS) {
                "their own objects differ in size."
            } else {
                "comprehensions are folded into their functions on both sides."
            };
            format!("A ran under Python {}.{} and B under {}.{}: {folded}", before.0, before.1, after.0, after.1)
        }
        Caveat::Recorder(before, _) => {
            let (a, b) = recorders(before);
            format!(
                "{a} recorded A and {b} B: frames around the program are left out of both. What a script holds in its \
                 variables is freed before memray\u{2019}s recording ends, and is live at the end of memray-view\u{2019}s; where \
                 Python\u{2019}s own allocators are traced, memray has Python allocate frame objects."
            )
        }
        Caveat::Aggregated(before, _) => {
            let (aggregated, _) = sides(before);
            format!("{aggregated} holds sums only: the two can be compared at the peak and at the end.")
        }
        Caveat::StopsEarly(before, after) => {
            let which = match (before, after) {
                (true, true) => "Both recordings stop",
                (true, false) => "The recording of A stops",
                _ => "The recording of B stops",
            };
            format!("{which} before the program\u{2019}s end: what is live then need not have leaked.")
        }
        Caveat::Duration(before, after) => format!(
            "A ran {} and B {}: what grows with time differs by that alone.",
            format_duration(before),
            format_duration(after)
        ),
    }
}

/// The same in a few words.
pub fn caveat_words(caveat: &Caveat) -> String {
    match *caveat {
        Caveat::PythonAllocatorsTraced(before, _) => format!("Python allocators traced in {} only", sides(before).0),
        Caveat::NativeStacks(before, _) => format!("native stacks in {} only", sides(before).0),
        Caveat::PythonAllocator(before, after) => format!("{} and {}", allocator(before), allocator(after)),
        Caveat::PythonVersion(before, after) => format!("Python {}.{} and {}.{}", before.0, before.1, after.0, after.1),
        Caveat::Recorder(before, _) => {
            let (a, b) = recorders(before);
            format!("A recorded by {a}, B by {b}")
        }
        Caveat::Aggregated(before, _) => format!("{} holds sums only", sides(before).0),
        Caveat::StopsEarly(true, true) => "both stop early".to_owned(),
        Caveat::StopsEarly(before, _) => format!("{} stops early", sides(before).0),
        Caveat::Duration(before, after) => format!("{} and {}", format_duration(before), format_duration(after)),
    }
}

const INLINES_COMPREHENSIONS: (u8, u8) = (3, 12);

/// Who recorded A, and who B.
fn recorders(is_ours_before: bool) -> (&'static str, &'static str) {
    if is_ours_before { ("memray-view", "memray") } else { ("memray", "memray-view") }
}

/// The side for which something holds, and the other.
fn sides(holds_before: bool) -> (&'static str, &'static str) {
    if holds_before { ("A", "B") } else { ("B", "A") }
}

fn allocator(allocator: PythonAllocator) -> &'static str {
    crate::metadata::python_allocator_name(allocator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caveat_says_which_side_it_is_of() {
        assert!(caveat_sentence(&Caveat::PythonAllocatorsTraced(false, true)).contains("traced in B only"));
        assert!(caveat_sentence(&Caveat::PythonAllocatorsTraced(false, true)).contains("arenas in A."));
        assert_eq!(caveat_words(&Caveat::NativeStacks(true, false)), "native stacks in A only");
        assert_eq!(caveat_words(&Caveat::Recorder(false, true)), "A recorded by memray, B by memray-view");
        assert_eq!(caveat_words(&Caveat::StopsEarly(false, true)), "B stops early");
        assert_eq!(caveat_words(&Caveat::Duration(41_300, 123_000)), "41.3 s and 2 min 3 s");
    }

    #[test]
    fn comprehensions_are_spoken_of_where_they_are_folded() {
        let sentence = |before, after| caveat_sentence(&Caveat::PythonVersion(before, after));
        assert_eq!(
            sentence((3, 11), (3, 12)),
            "A ran under Python 3.11 and B under 3.12: comprehensions are folded into their functions on both sides."
        );
        assert!(sentence((3, 12), (3, 13)).ends_with("their own objects differ in size."));
    }
}
