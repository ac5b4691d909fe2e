// SPDX-License-Identifier: Apache-2.0
//! What a filter leaves of a stack. [`Matching`] leads.

use super::{Frame, FrameId, Model, Numbers, Stack, modules};
use memray_index::{Filter, NamedFunction, Pattern};
use regex::{Regex, RegexBuilder};
use std::collections::HashSet;

/// Frames that a filter asks about.
pub(super) struct Matching {
    /// One of each of these must be in a stack.
    wanted: Vec<HashSet<FrameId>>,
    /// None of these may be.
    unwanted: HashSet<FrameId>,
    /// What lies outside the outermost of these is not shown.
    start: Option<HashSet<FrameId>>,
    /// From the outermost of these inwards, nothing is shown: what they call is of the import system too.
    import_system: HashSet<FrameId>,
    irrelevant: HashSet<FrameId>,
    /// Of functions of certain names.
    hidden: HashSet<FrameId>,
}

impl Matching {
    pub(super) fn new(model: &Model, filter: &Filter, numbers: &Numbers) -> Self {
        let those = |holds: &dyn Fn(Frame) -> bool| -> HashSet<FrameId> {
            model.frames.iter().copied().filter(|id| holds(id.frame())).collect()
        };
        let those_if = |hides, holds: &dyn Fn(Frame) -> bool| if hides { those(holds) } else { HashSet::new() };
        let module = |frame: Frame| modules::module(&model.header, &frame.1);
        let names: [(_, &dyn Fn(Frame) -> Vec<u8>); 3] =
            [(&filter.function, &|frame| frame.0), (&filter.file, &|frame| frame.1), (&filter.module, &module)];
        let names = names.iter().filter_map(|(pattern, name)| Some((pattern.as_ref()?, name)));
        let hidden: HashSet<&[u8]> = filter.hidden_functions.iter().map(|id| &numbers.functions[id][..]).collect();
        let of_function = |function: &NamedFunction| {
            let (name, file) = &numbers.named[function];
            those(&|frame| (&frame.0, &frame.1) == (name, file))
        };
        let start = filter.starts_at.as_ref().map(of_function);
        let exact = filter.function_named.iter().map(of_function).chain(start.clone());
        Self {
            unwanted: filter.without.iter().flat_map(of_function).collect(),
            wanted: names
                .map(|(pattern, name)| {
                    let matches = matcher(pattern);
                    those(&|frame| matches.is_match(&String::from_utf8_lossy(&name(frame))))
                })
                .chain(exact)
                .collect(),
            start,
            import_system: those_if(filter.hide_import_system, &|frame| modules::is_import_system(&frame)),
            irrelevant: those_if(filter.hide_irrelevant, &|frame| !modules::is_interesting(&frame)),
            hidden: those_if(!hidden.is_empty(), &|frame| hidden.contains(&frame.0[..])),
        }
    }

    /// What the filter leaves of a stack; `None` where it leaves the stack out.
    pub(super) fn shown(&self, stack: &Stack) -> Option<Stack> {
        let passes = self.wanted.iter().all(|frames| stack.iter().any(|frame| frames.contains(frame)))
            && !stack.iter().any(|frame| self.unwanted.contains(frame));
        let start = self.start.as_ref().and_then(|start| stack.iter().rposition(|frame| start.contains(frame)));
        let outermost_import = stack.iter().rposition(|frame| self.import_system.contains(frame));
        let end = start.map_or(stack.len(), |at| at + 1);
        let shown = stack[outermost_import.map_or(0, |at| at + 1).min(end)..end].iter();
        let is_hidden = |frame: &FrameId| self.irrelevant.contains(frame) || self.hidden.contains(frame);
        passes.then(|| shown.filter(|frame| !is_hidden(frame)).copied().collect())
    }
}

fn matcher(pattern: &Pattern) -> Regex {
    match pattern {
        Pattern::Substring(part) => RegexBuilder::new(&regex::escape(part)).case_insensitive(true).build().unwrap(),
        Pattern::Regex(regex) => Regex::new(regex).unwrap(),
    }
}
