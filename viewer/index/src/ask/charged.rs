// SPDX-License-Identifier: Apache-2.0
//! What each site is charged to: [`key_of_site`].

use crate::charge::Charge;
use crate::ids::{LocationId, NodeId, SiteId, StringId};
use crate::location::{FrameKind, Location};
use crate::store::Store;
use crate::table::RowKey;

/// By what a site is, the one row that it belongs to.
pub(crate) fn key_of_site(store: &Store, charge: Charge) -> impl Fn(SiteId) -> RowKey + Sync + '_ {
    let is_python = |location: &Location| location.kind == FrameKind::Python;
    let locations = match charge {
        Charge::OwnCodeLine => own_code_lines(store),
        Charge::Function => nearest(store, |location| is_python(location) && location.traits.is_interesting),
        _ => Vec::new(),
    };
    let modules = if charge == Charge::Module { modules_of_stacks(store) } else { Vec::new() };
    move |id| {
        let site = &store.sites[id.index()];
        match charge {
            Charge::Thread => RowKey::Thread(site.thread),
            Charge::Allocator => RowKey::Allocator(site.allocator),
            Charge::NativeLibrary => {
                let library = site.native.and_then(|native| store.native().innermost_library(native));
                library.map_or(RowKey::None, RowKey::File)
            }
            Charge::Module => RowKey::Module(modules[site.node.index()]),
            Charge::Function | Charge::OwnCodeLine => match locations[site.node.index()] {
                LocationId::NONE => RowKey::None,
                id if charge == Charge::OwnCodeLine => RowKey::Location(id),
                id => {
                    let location = &store.locations[id.index()];
                    RowKey::Function(location.function, location.file)
                }
            },
        }
    }
}

/// For every node, the module that memray charges its stack to: the innermost that is not of the standard library, `<root>`
/// where there is none.
pub(crate) fn modules_of_stacks(store: &Store) -> Vec<StringId> {
    let found = nearest(store, |l| l.kind == FrameKind::Python && !l.traits.is_standard_library);
    let root = store.names.find(b"<root>").unwrap_or_default();
    (0..store.call_tree.len() as u32)
        .map(|node| match found[NodeId(node).index()] {
            LocationId::NONE => root,
            location => store.locations[location.index()].module,
        })
        .collect()
}

/// For every node, the innermost line of own code at or above it.
pub(crate) fn own_code_lines(store: &Store) -> Vec<LocationId> {
    nearest(store, |location| location.traits.is_own_code)
}

/// For every node, the innermost location at or above it for which something holds.
pub(crate) fn nearest(store: &Store, holds: impl Fn(&Location) -> bool) -> Vec<LocationId> {
    let tree = &store.call_tree;
    let mut found = vec![LocationId::NONE; tree.len()];
    for node in (1..tree.len() as u32).map(NodeId) {
        let location = tree.location(node);
        found[node.index()] = if location != LocationId::NONE && holds(&store.locations[location.index()]) {
            location
        } else {
            found[tree.parent(node).index()]
        };
    }
    found
}
