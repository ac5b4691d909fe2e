// SPDX-License-Identifier: Apache-2.0
//! What a filter leaves, in words: `, only thread worker-1, a module with “numpy”, allocations under 1 KiB`.
//!
//! [`filter_words_of`] says all of it as a clause, the other functions one part each, as chips do.

use crate::escape;
use crate::labels::{self, Labels};
use crate::size::{Units, format_bytes};
use crate::time::format_duration;
use memray_index::{
    Charge, ChargedTo, Filter, Index, LifetimeRange, NamedFunction, Pattern, RowKey, SizeClass, SizeRange, ThreadIndex,
};

/// What a filter leaves, as a clause to put behind a mode's words; empty where it leaves all.
pub fn filter_words_of(index: &Index, filter: &Filter) -> String {
    filter_words(index, |thread| index.thread_label(thread), filter)
}

fn filter_words(names: &impl Labels, thread_label: impl Fn(ThreadIndex) -> String, filter: &Filter) -> String {
    let pattern = |kind: &str, pattern: &Option<Pattern>| {
        pattern.as_ref().map(|pattern| match pattern {
            Pattern::Substring(text) => format!("{kind} with “{}”", escape::visible(text)),
            Pattern::Regex(text) => format!("{kind} like /{}/", escape::visible(text)),
        })
    };
    let function = |function: &NamedFunction| function_words(names, *function);
    let words = [
        filter.thread.map(|thread| format!("thread {}", escape::visible(&thread_label(thread)))),
        filter.allocator.map(|allocator| allocator.name().to_owned()),
        pattern("a module", &filter.module),
        pattern("a file", &filter.file),
        pattern("a function", &filter.function),
        filter.function_named.as_ref().map(|named| format!("the function {}", function(named))),
        filter.starts_at.as_ref().map(|named| format!("from {} on", function(named))),
        filter.size.map(size_words),
        filter.lifetime.map(lifetime_words),
    ];
    let without = filter.without.iter().map(|named| format!("without {}", function(named)));
    let charged = filter.charged_to.iter().map(|charged_to| charged_words(names, &thread_label, *charged_to));
    let words: Vec<String> = words.into_iter().flatten().chain(charged).chain(without).collect();
    if words.is_empty() { String::new() } else { format!(", only {}", words.join(", ")) }
}

/// A function with its file's name, fit to be shown: `load (loader.py)`.
pub fn function_words(names: &impl Labels, function: NamedFunction) -> String {
    let name = labels::name(names, function.name);
    match escape::file_name(names.bytes(function.file)) {
        [] => name,
        file => format!("{name} ({})", escape::shorten(&escape::visible_bytes(file), 60)),
    }
}

/// What something is charged to: `module numpy`, `line load (loader.py:88)`.
pub fn charged_words(
    names: &impl Labels,
    thread_label: impl Fn(ThreadIndex) -> String,
    ChargedTo { charge, key }: ChargedTo,
) -> String {
    match key {
        RowKey::Location(location) => format!("line {}", labels::label(names, location)),
        RowKey::Function(name, file) => format!("function {}", function_words(names, NamedFunction { name, file })),
        RowKey::File(file) => format!("library {}", escape::visible_bytes(escape::file_name(names.bytes(file)))),
        RowKey::Module(module) => format!("module {}", labels::name(names, module)),
        RowKey::Thread(thread) => format!("thread {}", escape::visible(&thread_label(thread))),
        RowKey::Allocator(allocator) => allocator.name().to_owned(),
        RowKey::None => no_key_words(charge).to_owned(),
    }
}

/// What is charged to nothing of a kind.
pub fn no_key_words(charge: Charge) -> &'static str {
    match charge {
        Charge::OwnCodeLine => "no own code",
        Charge::NativeLibrary => "no native library",
        Charge::Module | Charge::Function | Charge::Thread | Charge::Allocator => labels::NO_STACK,
    }
}

/// Sizes: `allocations under 1 KiB`, `allocations of 512 B or more`.
pub fn size_words(SizeRange { from, to }: SizeRange) -> String {
    match (from, to) {
        (SizeClass::LAST, _) | (_, SizeClass::LAST) => format!("allocations of {} or more", bound(from.min_bytes())),
        (_, to) if to.max_bytes() == 0 => "allocations of 0 B".to_owned(),
        (from, to) if from.min_bytes() == 0 => format!("allocations under {}", bound(to.max_bytes() + 1)),
        (from, to) if from.min_bytes() == to.max_bytes() => format!("allocations of {}", bound(from.min_bytes())),
        (from, to) => format!("allocations of {} to under {}", bound(from.min_bytes()), bound(to.max_bytes() + 1)),
    }
}

/// Sizes where room is short: `512 B – 4 KiB`.
pub fn size_label(SizeRange { from, to }: SizeRange) -> String {
    match (from, to) {
        (_, to) if to.max_bytes() == 0 => "0 B".to_owned(),
        (from, SizeClass::LAST) => format!("{} or more", bound(from.min_bytes())),
        (from, to) if from.min_bytes() == 0 => format!("under {}", bound(to.max_bytes() + 1)),
        (from, to) => format!("{} \u{2013} {}", bound(from.min_bytes()), bound(to.max_bytes() + 1)),
    }
}

/// A bound of sizes. Powers of two are round in binary units only.
fn bound(bytes: u64) -> String {
    format_bytes(bytes, Units::Binary).replace(".00 ", " ").replace(".0 ", " ")
}

/// Lifetimes where room is short, in a row of them: `to 100 ms`.
pub fn lifetime_label(range: LifetimeRange) -> String {
    match (range.more_than_ms, range.at_most_ms) {
        (None, Some(most)) if most < u64::MAX => format!("up to {}", round_duration(most)),
        (Some(_), Some(most)) if most < u64::MAX => format!("to {}", round_duration(most)),
        (Some(_), Some(_)) => "longer".to_owned(),
        _ => lifetime_words(range),
    }
}

/// Lifetimes: `freed within 100 ms`, `lived longer than 1 s`, `never freed`.
pub fn lifetime_words(LifetimeRange { more_than_ms, at_most_ms }: LifetimeRange) -> String {
    match (more_than_ms, at_most_ms) {
        (Some(u64::MAX), _) => "never freed".to_owned(),
        (None, None) => "of any lifetime".to_owned(),
        (None, Some(u64::MAX)) => "freed at some time".to_owned(),
        (None, Some(most)) => format!("freed within {}", round_duration(most)),
        (Some(least), None) => format!("lived longer than {}", round_duration(least)),
        (Some(least), Some(u64::MAX)) => format!("freed after more than {}", round_duration(least)),
        (Some(least), Some(most)) => format!("freed within {} to {}", round_duration(least), round_duration(most)),
    }
}

/// A duration in the largest unit of which it is a whole number: `100 ms`, `10 min`.
fn round_duration(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    match units.into_iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None if ms < 1000 => format!("{ms} ms"),
        None => format_duration(i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handmade::Names;
    use memray_format::Allocator;

    #[test]
    fn a_filter_is_said_part_by_part() {
        let mut names = Names::default();
        let load = names.own("load\n", "/srv/loader.py", 88);
        let named = NamedFunction::of(&names.location(load));
        let filter = Filter {
            thread: Some(ThreadIndex(1)),
            allocator: Some(Allocator::Mmap),
            module: Some(Pattern::Substring("numpy".to_owned())),
            function: Some(Pattern::Regex("^load_\u{202e}".to_owned())),
            function_named: Some(named),
            starts_at: Some(named),
            without: vec![named],
            charged_to: vec![ChargedTo { charge: Charge::OwnCodeLine, key: RowKey::Location(load) }],
            size: Some(SizeRange { from: SizeClass::of(0), to: SizeClass::of(1000) }),
            lifetime: Some(LifetimeRange { more_than_ms: None, at_most_ms: Some(100) }),
            hide_irrelevant: true,
            ..Filter::default()
        };
        assert_eq!(
            filter_words(&names, |_| "worker-1".to_owned(), &filter),
            ", only thread worker-1, mmap, a module with “numpy”, a function like /^load_\\u{202e}/, the function load\\n \
             (loader.py), from load\\n (loader.py) on, allocations under 1 KiB, freed within 100 ms, line load\\n \
             (loader.py:88), without load\\n (loader.py)"
        );
        assert_eq!(filter_words(&names, |_| String::new(), &Filter::default()), "");
    }

    #[test]
    fn what_is_charged_to_nothing_says_so() {
        let words =
            |charge| charged_words(&Names::default(), |_| String::new(), ChargedTo { charge, key: RowKey::None });
        assert_eq!(words(Charge::OwnCodeLine), "no own code");
        assert_eq!(words(Charge::NativeLibrary), "no native library");
        assert_eq!(words(Charge::Function), "no Python stack");
    }

    #[test]
    fn sizes_are_bounded_by_powers_of_two() {
        let words = |from, to| size_words(SizeRange { from: SizeClass::of(from), to: SizeClass::of(to) });
        assert_eq!(words(0, 0), "allocations of 0 B");
        assert_eq!(words(0, 511), "allocations under 512 B");
        assert_eq!(words(1, 1), "allocations of 1 B");
        assert_eq!(words(512, 512), "allocations of 512 B to under 1 KiB");
        assert_eq!(words(1 << 20, (1 << 24) - 1), "allocations of 1 MiB to under 16 MiB");
        assert_eq!(words(1 << 20, u64::MAX), "allocations of 1 MiB or more");
        let label = |from, to| size_label(SizeRange { from: SizeClass::of(from), to: SizeClass::of(to) });
        assert_eq!([label(0, 511), label(512, 4095)], ["under 512 B", "512 B \u{2013} 4 KiB"]);
        assert_eq!([label(1 << 20, u64::MAX), label(0, 0)], ["1 MiB or more", "0 B"]);
    }

    #[test]
    fn lifetimes_are_said_in_round_units() {
        let words = |more_than_ms, at_most_ms| lifetime_words(LifetimeRange { more_than_ms, at_most_ms });
        assert_eq!(words(None, Some(100)), "freed within 100 ms");
        assert_eq!(words(Some(1_000), Some(60_000)), "freed within 1 s to 1 min");
        assert_eq!(words(Some(86_400_000), Some(u64::MAX)), "freed after more than 1 d");
        assert_eq!(words(Some(3_600_000), None), "lived longer than 1 h");
        assert_eq!(words(Some(1_500), None), "lived longer than 1.50 s");
        assert_eq!(words(Some(u64::MAX), None), "never freed");
        assert_eq!(words(None, None), "of any lifetime");
        let label = |more_than_ms, at_most_ms| lifetime_label(LifetimeRange { more_than_ms, at_most_ms });
        assert_eq!([label(None, Some(10)), label(Some(10), Some(100))], ["up to 10 ms", "to 100 ms"]);
        assert_eq!([label(Some(10), Some(u64::MAX)), label(Some(u64::MAX), None)], ["longer", "never freed"]);
    }
}
