// SPDX-License-Identifier: Apache-2.0
//! Makes loaded objects call hooks, and undoes it.
//!
//! A slot is changed only while it leads to the very function that is hooked (or is not bound yet, and would): an object
//! with an allocator of its own keeps it. All changes happen while the loader lists its objects, so that they take turns. Objects
//! that another thread is loading are left alone until it is done: the loader fills their slots still, also those that are to
//! be read-only then.

use super::object::{Object, Slot, await_loading, for_each, load_counts};
use std::ffi::CStr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A function that is hooked.
pub(crate) struct Hook {
    pub(crate) name: &'static CStr,
    /// The function that the program would call; 0 if it has none of this name.
    pub(crate) real: &'static AtomicUsize,
    /// Gives the address of what is called instead.
    pub(crate) replacement: fn() -> usize,
}

/// Where the program's calls of a function go, by its name; 0 if there is none of this name.
///
/// An executable that is not position-independent lends its own call stub as a function's address, and then `dlsym` finds
/// that: it would lead back to the hook.
pub(crate) fn function(name: &CStr) -> usize {
    // SAFETY: looks a name up.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.addr();
    let mut is_stub = false;
    for_each(|program| {
        if found != 0 && program.holds(found) {
            program.for_each_slot(|slot| {
                is_stub |= slot.name == name.to_bytes() && slot.own_definition.is_none();
            });
        }
        // The program itself comes first.
        false
    });
    if !is_stub {
        return found;
    }
    // SAFETY: looks a name up, beyond the program.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }.addr()
}

/// Whether an object is loaded whose file's name contains this.
pub(crate) fn is_loaded(part: &[u8]) -> bool {
    let mut is_loaded = false;
    for_each(|object| {
        is_loaded = object.file_name().windows(part.len()).any(|window| window == part);
        !is_loaded
    });
    is_loaded
}

/// How many objects had ever been loaded when slots were changed last.
static LOADED: AtomicU64 = AtomicU64::new(0);

/// How many had ever been unloaded then, and, in the low half, how many there were: one word, so that they belong together.
static UNLOADED_AND_PRESENT: AtomicU64 = AtomicU64::new(0);

/// The objects of a moment: the first so many of the loader's list, until one is unloaded.
#[derive(Clone, Copy)]
struct Present {
    loaded: u64,
    unloaded: u64,
    count: u64,
}

impl Present {
    fn now() -> Self {
        let mut present = Self { loaded: 0, unloaded: 0, count: 0 };
        for_each(|object| {
            (present.loaded, present.unloaded) = object.load_counts();
            present.count += 1;
            true
        });
        present
    }
}

/// How often slots are gone through anew, at most, as other threads unload objects meanwhile.
const TRIES: u32 = 1000;

/// Makes every loaded object call the hooks. Takes the lock under which the loader loads, as `dlsym` does.
pub(crate) fn install(hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    for _ in 0..TRIES {
        let present = Present::now();
        await_loading();
        if install_in(present, 0, hooks.clone(), || true) {
            return;
        }
    }
}

/// The same, if objects were loaded since; else a look at some numbers. Whether all objects call them now: not if others were
/// loaded or unloaded meanwhile. None is changed once they are not wanted any more.
pub(crate) fn install_in_new(
    hooks: impl IntoIterator<Item = &'static Hook> + Clone,
    are_wanted: impl Fn() -> bool,
) -> bool {
    let present = Present::now();
    let patched = UNLOADED_AND_PRESENT.load(Ordering::Relaxed);
    if patched >> 32 != present.unloaded {
        await_loading();
        install_in(present, 0, hooks, are_wanted)
    } else if LOADED.load(Ordering::Relaxed) != present.loaded {
        // New objects stand behind those that were there. All slots of those lead to the hooks, bound or not.
        await_loading();
        install_in(present, patched & u64::from(u32::MAX), hooks, are_wanted)
    } else {
        true
    }
}

/// In these objects, but for the first `known`. None is being loaded.
fn install_in(
    present: Present,
    known: u64,
    hooks: impl IntoIterator<Item = &'static Hook> + Clone,
    are_wanted: impl Fn() -> bool,
) -> bool {
    change(known..present.count, present.unloaded, hooks, |object, slot, hook, now| {
        let real = hook.real.load(Ordering::Relaxed);
        let is_unbound = object.holds(now) && slot.own_definition.is_none_or(|own| own == real);
        (real != 0 && (now == real || is_unbound) && are_wanted()).then(hook.replacement)
    }) && {
        LOADED.store(present.loaded, Ordering::Relaxed);
        UNLOADED_AND_PRESENT.store(present.unloaded << 32 | present.count, Ordering::Relaxed);
        load_counts() == (present.loaded, present.unloaded)
    }
}

/// Makes every loaded object call the real functions again.
pub(crate) fn remove(hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    for _ in 0..TRIES {
        // Slots of what is being loaded do not lead to hooks.
        let Present { unloaded, count, .. } = Present::now();
        let real = |_: &Object<'_>, _: &Slot<'_>, hook: &Hook, now| {
            (now == (hook.replacement)()).then(|| hook.real.load(Ordering::Relaxed))
        };
        if change(0..count, unloaded, hooks.clone(), real) {
            return;
        }
    }
}

/// Writes into slots of hooked functions what `choose` wants there, in objects by their places in the list; false if it is
/// another list, as an object was unloaded.
fn change(
    places: Range<u64>,
    unloaded: u64,
    hooks: impl IntoIterator<Item = &'static Hook> + Clone,
    choose: impl Fn(&Object<'_>, &Slot<'_>, &Hook, usize) -> Option<usize>,
) -> bool {
    let own = (&raw const LOADED).addr();
    let mut place = 0;
    let mut is_same_list = true;
    for_each(|object| {
        is_same_list = object.load_counts().1 == unloaded;
        let is_meant = places.contains(&place);
        place += 1;
        if !is_same_list || !is_meant || object.is_systems_own() || object.holds(own) {
            return is_same_list && place < places.end;
        }
        // Most objects need no change the second time, so pages are opened when a slot asks for it.
        let mut opened = None;
        object.for_each_slot(|slot| {
            let Some(hook) = hooks.clone().into_iter().find(|hook| hook.name.to_bytes() == slot.name) else { return };
            let now = slot.target.load(Ordering::Relaxed);
            let Some(wanted) = choose(object, &slot, hook, now) else { return };
            let opened = opened.get_or_insert_with(|| Opened::new(object));
            if opened.lets_write(slot.target) {
                slot.target.store(wanted, Ordering::Release);
            }
        });
        place < places.end
    });
    is_same_list
}

/// The slots that the loader had made read-only, writable until this is dropped.
struct Opened {
    closed: Option<(usize, usize)>,
    is_writable: bool,
}

impl Opened {
    fn new(object: &Object<'_>) -> Self {
        let Some(range) = object.read_only_after_loading() else { return Self { closed: None, is_writable: true } };
        // SAFETY: asks for a number.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        // The loader closes whole pages only, from the first to the last that lies within.
        let start = range.start & !(page_bytes - 1);
        let length = (range.end & !(page_bytes - 1)).saturating_sub(start);
        let is_writable = length == 0 || protect(start, length, libc::PROT_READ | libc::PROT_WRITE);
        Self { closed: Some((start, length)), is_writable }
    }

    fn lets_write(&self, slot: &AtomicUsize) -> bool {
        let address = (&raw const *slot).addr();
        let is_closed = self.closed.is_some_and(|(start, length)| (start..start + length).contains(&address));
        self.is_writable || !is_closed
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some((start, length)) = self.closed
            && length > 0
            && self.is_writable
        {
            protect(start, length, libc::PROT_READ);
        }
    }
}

fn protect(start: usize, length: usize, access: i32) -> bool {
    // SAFETY: these pages are an object's slots, which stay mapped under the loader's lock; they get more rights than they
    // had, or again those that the loader gave them.
    unsafe { libc::mprotect(start as *mut libc::c_void, length, access) == 0 }
}
