// SPDX-License-Identifier: Apache-2.0
//! What handles of one index mean in another: [`Translation`]. A capture that is read again, longer than it was, numbers its
//! names and moments anew; by what they stand for, what was asked of it can be asked again.

use crate::filter::{ChargedTo, Filter, NamedFunction};
use crate::ids::{LocationId, StringId, ThreadIndex};
use crate::index::Index;
use crate::location::{Location, LocationIdentity};
use crate::question::{Moment, TimeRange};
use crate::table::RowKey;
use rustc_hash::FxHashMap;

/// From one index to another.
pub struct Translation<'a> {
    from: &'a Index,
    to: &'a Index,
    locations: FxHashMap<LocationIdentity, LocationId>,
}

impl<'a> Translation<'a> {
    /// From one index to another, whose locations are looked through.
    pub fn new(from: &'a Index, to: &'a Index) -> Self {
        let ids = (1..to.location_count() as u32).map(LocationId);
        Self { from, to, locations: ids.map(|id| (to.location(id).identity(), id)).collect() }
    }

    fn name(&self, name: StringId) -> Option<StringId> {
        self.to.name(self.from.bytes(name))
    }

    fn function(&self, function: NamedFunction) -> Option<NamedFunction> {
        Some(NamedFunction { name: self.name(function.name)?, file: self.name(function.file)? })
    }

    /// A location of the other, if it has it; nowhere is nowhere.
    pub fn location(&self, location: LocationId) -> Option<LocationId> {
        if location == LocationId::NONE {
            return Some(location);
        }
        let known = self.from.location(location);
        let there = Location { function: self.name(known.function)?, file: self.name(known.file)?, ..*known };
        self.locations.get(&there.identity()).copied()
    }

    /// A thread of the other with the same number.
    pub fn thread(&self, thread: ThreadIndex) -> Option<ThreadIndex> {
        let number = self.from.threads().get(thread.index())?.id;
        let found = self.to.threads().iter().position(|thread| thread.id == number)?;
        Some(ThreadIndex(found as u32))
    }

    /// What a row stands for.
    pub fn row_key(&self, key: RowKey) -> Option<RowKey> {
        Some(match key {
            RowKey::Location(location) => RowKey::Location(self.location(location)?),
            RowKey::Function(name, file) => RowKey::Function(self.name(name)?, self.name(file)?),
            RowKey::File(file) => RowKey::File(self.name(file)?),
            RowKey::Module(module) => RowKey::Module(self.name(module)?),
            RowKey::Thread(thread) => RowKey::Thread(self.thread(thread)?),
            RowKey::Allocator(_) | RowKey::None => key,
        })
    }

    /// A filter, without what the other index does not have.
    pub fn filter(&self, filter: &Filter) -> Filter {
        let charged_to = |of: &ChargedTo| Some(ChargedTo { key: self.row_key(of.key)?, ..*of });
        Filter {
            thread: filter.thread.and_then(|thread| self.thread(thread)),
            function_named: filter.function_named.and_then(|function| self.function(function)),
            without: filter.without.iter().filter_map(|function| self.function(*function)).collect(),
            starts_at: filter.starts_at.and_then(|function| self.function(function)),
            charged_to: filter.charged_to.iter().filter_map(charged_to).collect(),
            hidden_functions: filter.hidden_functions.iter().filter_map(|name| self.name(*name)).collect(),
            ..filter.clone()
        }
    }

    /// A moment, if the other has a snapshot of the same number at the same time.
    pub fn moment(&self, moment: Moment) -> Option<Moment> {
        let Moment::Snapshot(at) = moment else { return Some(moment) };
        let time_ms = |index: &Index| index.timeline().snapshots.get(at as usize).map(|snapshot| snapshot.time_ms);
        (time_ms(self.from)? == time_ms(self.to)?).then_some(moment)
    }

    /// A range, if the other has both its ends.
    pub fn range(&self, range: TimeRange) -> Option<TimeRange> {
        Some(TimeRange { from: self.moment(range.from)?, to: self.moment(range.to)? })
    }
}
