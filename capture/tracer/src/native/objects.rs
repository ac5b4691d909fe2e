// SPDX-License-Identifier: Apache-2.0
//! What is loaded, and how to unwind its frames. [`LoadedObjects`] leads.
//!
//! It is looked at when tracing starts, when the program has loaded or unloaded something, and when a stack leads into
//! code that is not known: objects are loaded behind the hooks' back too. All threads share it until there is another.

use crate::elf::{Object, for_each, load_counts};
use crate::lock::{self, Lock};
use framehop::{ExplicitModuleSectionInfo, MayAllocateDuringUnwind, Module, Unwinder as _, UnwinderNative};
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Unwinds by tables that lie in the objects themselves.
pub(super) type Unwinder = UnwinderNative<&'static [u8], MayAllocateDuringUnwind>;

/// What is loaded at a time.
pub(crate) struct LoadedObjects {
    /// Counts from 1.
    pub(crate) generation: u32,
    /// As captures hold it.
    pub(crate) list: Vec<LoadedObject>,
    pub(super) unwinder: Unwinder,
    /// How many objects were ever loaded and unloaded.
    counts: (u64, u64),
    /// Where code that can be unwound lies, in ascending order.
    code: Vec<Range<usize>>,
    /// The tracer itself.
    own: Range<usize>,
}

/// An object as captures hold it.
pub(crate) struct LoadedObject {
    pub(crate) path: Vec<u8>,
    pub(crate) bias: u64,
    /// Address in the file, and size in memory, of what is mapped.
    pub(crate) segments: Vec<(u64, u64)>,
}

static CURRENT: Lock<Option<Arc<LoadedObjects>>> = Lock::new(None);

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// What is loaded, as far as is known.
pub(super) fn current() -> Option<Arc<LoadedObjects>> {
    CURRENT.hold().clone()
}

/// Which look at it was the last.
#[inline]
pub(super) fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// How many threads ask the loader at this moment.
static LOOKING: AtomicU32 = AtomicU32::new(0);

/// How many fork: meanwhile none may begin to.
static FORKING: AtomicU32 = AtomicU32::new(0);

/// Leave to ask the loader, until this is dropped.
struct Looking(());

impl Looking {
    /// Not while a thread forks: the loader's lock would be held in the child for ever, and nothing could be loaded there.
    fn begin() -> Option<Self> {
        LOOKING.fetch_add(1, Ordering::SeqCst);
        let looking = Self(());
        (FORKING.load(Ordering::SeqCst) == 0).then_some(looking)
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Should a thread never come back from the loader, the program forks all the same.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How long a thread that forks sleeps between two looks at those.
const SLEEP_NS: libc::c_long = 20_000;

/// Looks again if anything was loaded or unloaded since; whether so.
#[cold]
pub(super) fn refresh() -> bool {
    let Some(_looking) = Looking::begin() else { return false };
    let counts = load_counts();
    let is_known = |known: &Option<Arc<LoadedObjects>>| {
        // Another thread may have looked later than this one.
        known.as_ref().is_some_and(|known| known.counts.0 >= counts.0 && known.counts.1 >= counts.1)
    };
    if is_known(&CURRENT.hold()) {
        return false;
    }
    // No lock is held here, as the loader's is taken.
    let mut seen = LoadedObjects::look(counts);
    let mut current = CURRENT.hold();
    if is_known(&current) {
        return true;
    }
    seen.generation = generation() + 1;
    let before = current.replace(Arc::new(seen));
    GENERATION.fetch_add(1, Ordering::AcqRel);
    drop(current);
    drop(before);
    true
}

/// Before a fork: returns when no thread asks the loader, and none does until [`look_again`]. To be called with no lock held.
pub(crate) fn stop_looking() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let begun = Instant::now();
    while LOOKING.load(Ordering::SeqCst) != 0 && begun.elapsed() < LONGEST_LOOK {
        lock::sleep(SLEEP_NS);
    }
}

/// In the parent, after a fork.
pub(crate) fn look_again() {
    FORKING.fetch_sub(1, Ordering::SeqCst);
}

/// In the child: the threads that were looking are not there, nor are others that fork.
pub(crate) fn in_forked_child() {
    LOOKING.store(0, Ordering::SeqCst);
    FORKING.store(0, Ordering::SeqCst);
}

/// Holds what a fork must not cut through.
pub(crate) fn before_fork() {
    std::mem::forget(CURRENT.hold());
}

/// In parent and child: gives it back.
pub(crate) fn after_fork() {
    CURRENT.release();
}

/// What is loaded, though another test forks.
#[cfg(test)]
pub(super) fn looked_at() -> Arc<LoadedObjects> {
    loop {
        refresh();
        if let Some(seen) = current() {
            return seen;
        }
    }
}

impl LoadedObjects {
    fn look(counts: (u64, u64)) -> Self {
        let mut seen =
            Self { generation: 0, list: Vec::new(), unwinder: Unwinder::new(), counts, code: Vec::new(), own: 0..0 };
        for_each(|object| {
            seen.add(object);
            true
        });
        seen.code.sort_by_key(|range| range.start);
        seen
    }

    fn add(&mut self, object: &Object<'_>) {
        let mapped: Vec<_> = object.segments().iter().filter(|segment| segment.p_type == libc::PT_LOAD).collect();
        let ranges = || mapped.iter().map(|segment| object.range_of(segment));
        let (start, end) = (ranges().map(|range| range.start).min(), ranges().map(|range| range.end).max());
        let (Some(start), Some(end)) = (start, end) else { return };
        if object.holds((&raw const GENERATION).addr()) {
            self.own = start..end;
        }
        if let Some(tables) = unwind_tables(object) {
            let bias = object.bias() as u64;
            let module = Module::new(String::new(), start as u64..end as u64, bias, tables);
            self.unwinder.add_module(module);
            let code = mapped.iter().filter(|segment| segment.p_flags & libc::PF_X != 0);
            self.code.extend(code.map(|segment| object.range_of(segment)));
        }
        let path = match object.path() {
            b"" => program().to_vec(),
            // It is no file.
            path if path.starts_with(b"linux-vdso") => return,
            path => path.to_vec(),
        };
        let segments = mapped.iter().map(|segment| (segment.p_vaddr, segment.p_memsz)).collect();
        self.list.push(LoadedObject { path, bias: object.bias() as u64, segments });
    }

    /// Whether what goes on at this instruction can be unwound.
    #[inline]
    pub(super) fn can_unwind(&self, instruction: usize) -> bool {
        // A call may be a function's last instruction.
        let call = instruction.wrapping_sub(1);
        let after = self.code.partition_point(|range| range.start <= call);
        after.checked_sub(1).and_then(|at| self.code.get(at)).is_some_and(|range| call < range.end)
    }

    /// Whether an instruction is the tracer's own.
    #[inline]
    pub(super) fn is_own(&self, instruction: usize) -> bool {
        self.own.contains(&instruction)
    }
}

/// The path of the program itself.
fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| std::fs::read_link("/proc/self/exe").unwrap_or_default().into_os_string().into_vec())
}

/// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`: how all linkers write where the table is that the index is of.
const RELATIVE_IN_4_BYTES: u8 = 0x1b;

/// An object's tables for unwinding: the index that its program headers name, and the table that the index names.
fn unwind_tables(object: &Object<'_>) -> Option<ExplicitModuleSectionInfo<&'static [u8]>> {
    let index = object.segments().iter().find(|segment| segment.p_type == libc::PT_GNU_EH_FRAME)?;
    let index = object.range_of(index);
    let index_bytes = readable(object, index.start)?.get(..index.len())?;
    let &[1, RELATIVE_IN_4_BYTES, _, _, a, b, c, d, ..] = index_bytes else { return None };
    let table = (index.start + 4).wrapping_add_signed(i32::from_le_bytes([a, b, c, d]) as isize);
    // Where it ends is not said, and not needed: the index leads to what is within.
    let table_bytes = readable(object, table)?;
    let in_file = |range: Range<usize>| {
        let bias = object.bias();
        Some((range.start.wrapping_sub(bias)) as u64..(range.end.wrapping_sub(bias)) as u64)
    };
    Some(ExplicitModuleSectionInfo {
        eh_frame_hdr_svma: in_file(index),
        eh_frame_hdr: Some(index_bytes),
        eh_frame_svma: in_file(table..table + table_bytes.len()),
        eh_frame: Some(table_bytes),
        ..ExplicitModuleSectionInfo::default()
    })
}

/// What lies from an address to the end of its segment, if that may be read and is never written.
fn readable(object: &Object<'_>, address: usize) -> Option<&'static [u8]> {
    let is_constant = |flags: u32| flags & (libc::PF_R | libc::PF_W) == libc::PF_R;
    let segments = object.segments().iter();
    let constant = segments.filter(|segment| segment.p_type == libc::PT_LOAD && is_constant(segment.p_flags));
    let range = constant.map(|segment| object.range_of(segment)).find(|range| range.contains(&address))?;
    // SAFETY: the loader has mapped the segment so, and keeps it until the object is unloaded. It is not read later: it is
    // read to unwind frames whose code lies in this very object, and the thread that has such a frame is going to return
    // there, so that to unload it now would end the program anyway.
    Some(unsafe { std::slice::from_raw_parts(address as *const u8, range.end - address) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_and_the_c_library_are_loaded_and_can_be_unwound() {
        let seen = looked_at();
        let own = this_program_and_the_c_library_are_loaded_and_can_be_unwound as *const () as usize;
        let others = libc::malloc as *const () as usize;
        assert!(seen.can_unwind(own) && seen.is_own(own));
        assert!(seen.can_unwind(others) && !seen.is_own(others));
        assert!(!seen.can_unwind(0) && !seen.can_unwind(usize::MAX));
        assert_eq!(seen.list[0].path, std::env::current_exe().unwrap().into_os_string().into_vec());
        assert!(seen.list.iter().all(|object| !object.path.is_empty() && !object.segments.is_empty()));
    }

    #[test]
    fn nobody_begins_to_look_while_a_thread_forks() {
        stop_looking();
        assert!(Looking::begin().is_none());
        assert!(!refresh());
        look_again();
        // A thread that forks waits for those that look.
        let has_looked = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looking = Looking::begin().unwrap();
            let forking = scope.spawn(|| {
                stop_looking();
                let is_after = has_looked.load(Ordering::SeqCst);
                look_again();
                is_after
            });
            std::thread::sleep(Duration::from_millis(20));
            has_looked.store(true, Ordering::SeqCst);
            drop(looking);
            assert!(forking.join().unwrap());
        });
    }
}
