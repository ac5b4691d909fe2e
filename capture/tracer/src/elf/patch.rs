// SPDX-License-Identifier: Apache-2.0
//! Makes loaded objects call hooks, and undoes it.
//!
//! A slot is changed only while it leads to the very function that is hooked (or is not bound yet, and would): an object
//! with an allocator of its own keeps it. All changes happen under the loader's lock, so that they take turns.

use super::object::{Object, Slot, for_each, load_counts};
use std::ffi::CStr;
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

/// Makes every loaded object call the hooks.
pub(crate) fn install(hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    install_beyond(0, hooks);
}

fn install_beyond(known: u64, hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    change_beyond(known, hooks, |object, slot, hook, now| {
        let real = hook.real.load(Ordering::Relaxed);
        let is_unbound = object.holds(now) && slot.own_definition.is_none_or(|own| own == real);
        (real != 0 && (now == real || is_unbound)).then(hook.replacement)
    });
}

/// The same, if objects were loaded since; else a look at two numbers.
pub(crate) fn install_in_new(hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    let (loaded, unloaded) = load_counts();
    let patched = UNLOADED_AND_PRESENT.load(Ordering::Relaxed);
    if patched >> 32 != unloaded {
        install(hooks);
    } else if LOADED.load(Ordering::Relaxed) != loaded {
        // New objects stand behind those that were there. All slots of those lead to the hooks, bound or not.
        install_beyond(patched & u64::from(u32::MAX), hooks);
    }
}

/// Makes every loaded object call the real functions again.
pub(crate) fn remove(hooks: impl IntoIterator<Item = &'static Hook> + Clone) {
    change_beyond(0, hooks, |_, _, hook, now| (now == (hook.replacement)()).then(|| hook.real.load(Ordering::Relaxed)));
}

/// Writes into slots of hooked functions what `choose` wants there, but for the first `known` objects.
fn change_beyond(
    known: u64,
    hooks: impl IntoIterator<Item = &'static Hook> + Clone,
    choose: impl Fn(&Object<'_>, &Slot<'_>, &Hook, usize) -> Option<usize>,
) {
    let (loaded, unloaded) = load_counts();
    let own = (&raw const LOADED).addr();
    let mut present = 0;
    for_each(|object| {
        present += 1;
        if present <= known || object.is_systems_own() || object.holds(own) {
            return true;
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
        true
    });
    LOADED.store(loaded, Ordering::Relaxed);
    UNLOADED_AND_PRESENT.store(unloaded << 32 | present, Ordering::Relaxed);
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
