// SPDX-License-Identifier: Apache-2.0
//! A capture's file, mapped into memory, that may shrink without harm.
//!
//! Touching a page of a mapped file that the file no longer has raises SIGBUS, which ends a process. While a
//! [`CaptureMapping`] exists a handler for it is installed: a fault inside one of our mappings is answered with a page of
//! zeros and a mark on the mapping; any other goes to whoever handled SIGBUS before. Reading a mapping that another process
//! writes to is a data race in the strict sense; the bytes are only ever taken as untrusted input, copied or compared,
//! and every length read from them is bounded.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// A mapped capture.
pub(crate) struct CaptureMapping {
    file: File,
    // Before the map, so that it goes first.
    #[cfg(unix)]
    guard: Option<sigbus::Guard>,
    map: Option<Mmap>,
    opened_as: FileState,
    /// Whether something that was to be read was not there.
    has_lost: AtomicBool,
}

/// What tells that nobody wrote to a file: its length, and when it was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: Option<SystemTime>,
    /// Of the file and what the system knows of it: this one cannot be set back.
    changed: (i64, i64),
}

impl FileState {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let changed = (0, 0);
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), changed })
    }
}

impl CaptureMapping {
    /// Maps a file. An empty file is an empty slice.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let (opened_as, has_lost) = (FileState::of(&file)?, AtomicBool::new(false));
        if opened_as.length == 0 {
            return Ok(Self {
                file,
                #[cfg(unix)]
                guard: None,
                map: None,
                opened_as,
                has_lost,
            });
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place that guards what it maps")]
        // SAFETY: the file may be changed by others while it is mapped. A page that goes away is replaced by the guard
        // below; bytes that change are taken as any other untrusted input (see the module's head).
        let map = unsafe { Mmap::map(&file) }?;
        #[cfg(unix)]
        {
            let guard = sigbus::Guard::new(map.as_ptr() as usize, map.len())?;
            let _ = map.advise(memmap2::Advice::Sequential);
            Ok(Self { file, guard: Some(guard), map: Some(map), opened_as, has_lost })
        }
        #[cfg(not(unix))]
        Ok(Self { file, map: Some(map), opened_as, has_lost })
    }

    /// When the file was last written to before it was opened.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.opened_as.modified
    }

    /// Whether all that was read was there, and the file is still what was opened.
    pub(crate) fn is_as_opened(&self) -> bool {
        let has_lost = self.take_fault() || self.has_lost.load(Ordering::Relaxed);
        !has_lost && FileState::of(&self.file).is_ok_and(|now| now == self.opened_as)
    }

    /// Up to where what was just read was there: `to` if all of it was. To be asked after each read, whose bytes beyond
    /// are zeros or chance.
    pub(crate) fn was_there(&self, from: usize, to: usize) -> usize {
        let is_missing = self.take_fault();
        // The rest of a file's last page reads as zeros without a fault.
        let length = self.file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // A page was missing, but is no longer: the file was truncated and written anew.
        let was_there = if is_missing && length >= to { from } else { to.min(length.max(from)) };
        if was_there < to {
            self.has_lost.store(true, Ordering::Relaxed);
        }
        was_there
    }

    /// Whether part of the file was not there when it was read, since this was last asked.
    fn take_fault(&self) -> bool {
        #[cfg(unix)]
        {
            self.guard.as_ref().is_some_and(sigbus::Guard::take_fault)
        }
        #[cfg(not(unix))]
        false
    }

    /// Lets go of the pages before an offset, so that a capture's size does not show in our own.
    pub(crate) fn forget_before(&self, from: usize, to: usize) {
        #[cfg(unix)]
        if let Some(map) = &self.map
            && from < to
            && to <= map.len()
        {
            // SAFETY: the mapping is shared and read-only, so pages dropped here are read anew from the file if they are
            // ever touched again.
            let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, to - from) };
        }
        #[cfg(not(unix))]
        let _ = (from, to);
    }
}

impl Deref for CaptureMapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

#[cfg(unix)]
mod sigbus {
    //! The handler. It only reads atomics and calls `mmap`, which is a plain system call.

    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    /// Each core may look up symbols in a few mapped files at once.
    const SLOTS: usize = 1024;

    struct Slot {
        start: AtomicUsize,
        end: AtomicUsize,
        has_faulted: AtomicBool,
    }

    static MAPPINGS: [Slot; SLOTS] =
        [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), has_faulted: AtomicBool::new(false) } };
            SLOTS];

    /// The handler there was before ours; installed once, never removed.
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    static PREVIOUS: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);

    fn free_slot(slots: &[Slot]) -> io::Result<usize> {
        let is_free = |slot: &Slot| slot.end.load(Ordering::Relaxed) == 0;
        let full = || io::Error::other(format!("{} captures are being read already", slots.len()));
        slots.iter().position(is_free).ok_or_else(full)
    }

    /// One guarded mapping.
    pub(super) struct Guard {
        slot: usize,
    }

    impl Guard {
        /// Guards a mapping; an error if so many are guarded already that another cannot be.
        pub(super) fn new(start: usize, length: usize) -> io::Result<Self> {
            let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
            if !*installed {
                install();
                *installed = true;
            }
            let slot = free_slot(&MAPPINGS)?;
            MAPPINGS[slot].has_faulted.store(false, Ordering::Relaxed);
            MAPPINGS[slot].start.store(start, Ordering::Relaxed);
            MAPPINGS[slot].end.store(start + length, Ordering::Release);
            Ok(Self { slot })
        }

        pub(super) fn take_fault(&self) -> bool {
            MAPPINGS[self.slot].has_faulted.swap(false, Ordering::AcqRel)
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            let _installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
            MAPPINGS[self.slot].end.store(0, Ordering::Release);
            MAPPINGS[self.slot].start.store(0, Ordering::Relaxed);
        }
    }

    fn install() {
        // SAFETY: `action` is fully initialised; `handle` has the signature that SA_SIGINFO asks for and is
        // async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut previous: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(libc::SIGBUS, &raw const action, &raw mut previous) == 0
                && previous.sa_flags & libc::SA_SIGINFO != 0
            {
                PREVIOUS.store(previous.sa_sigaction, Ordering::Relaxed);
            }
        }
    }

    extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: the kernel passes a valid siginfo_t for SIGBUS.
        let address = unsafe { (*info).si_addr() } as usize;
        for slot in &MAPPINGS {
            let end = slot.end.load(Ordering::Acquire);
            let start = slot.start.load(Ordering::Relaxed);
            if address < start || address >= end {
                continue;
            }
            // SAFETY: sysconf(_SC_PAGESIZE) reads a constant. The page lies within a mapping of ours, so that replacing
            // it by zeros touches nobody else's memory.
            let mapped = unsafe {
                let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
                libc::mmap(
                    (address / page * page) as *mut libc::c_void,
                    page,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            if mapped != libc::MAP_FAILED {
                slot.has_faulted.store(true, Ordering::Release);
                return;
            }
        }
        let previous = PREVIOUS.load(Ordering::Relaxed);
        // SAFETY: `previous` was read from a sigaction with SA_SIGINFO set, so it has this signature. With no such handler
        // the default action is restored, and the faulting instruction, run again, ends the process as it would have.
        unsafe {
            if previous == libc::SIG_DFL || previous == libc::SIG_IGN {
                libc::signal(libc::SIGBUS, libc::SIG_DFL);
            } else {
                let previous: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(previous);
                previous(signal, info, context);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn where_no_slot_is_free_there_is_an_error_and_no_reading_without_a_guard() {
            let slot = |end| Slot {
                start: AtomicUsize::new(0),
                end: AtomicUsize::new(end),
                has_faulted: AtomicBool::new(false),
            };
            assert_eq!(free_slot(&[slot(5), slot(0), slot(0)]).unwrap(), 1);
            let refused = free_slot(&[slot(5), slot(9)]).unwrap_err();
            assert_eq!(refused.to_string(), "2 captures are being read already");
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_file_truncated_while_mapped_reads_as_zeros_and_says_so() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 40_000]).unwrap();
        let mapping = CaptureMapping::new(file.try_clone().unwrap()).unwrap();
        assert_eq!((mapping[0], mapping[39_999], mapping.was_there(0, 40_000)), (7, 7, 40_000));
        file.set_len(4000).unwrap();
        assert_eq!((mapping[3999], mapping[4000], mapping[30_000]), (7, 0, 0));
        assert_eq!(mapping.was_there(0, 40_000), 4000);
        assert_eq!((mapping.was_there(0, 3000), mapping.was_there(5000, 6000)), (3000, 5000));
    }

    #[test]
    fn a_file_that_was_truncated_and_grew_again_is_not_trusted_where_it_was_missing() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 40_000]).unwrap();
        let mapping = CaptureMapping::new(file.try_clone().unwrap()).unwrap();
        file.set_len(0).unwrap();
        assert_eq!(mapping[8192], 0);
        file.set_len(40_000).unwrap();
        assert_eq!(mapping.was_there(8192, 9000), 8192);
        assert_eq!(mapping.was_there(20_000, 30_000), 30_000, "a fault counts once");
    }

    #[test]
    fn a_file_that_was_written_to_is_not_what_was_opened() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 40_000]).unwrap();
        let mapping = |file: &File| CaptureMapping::new(file.try_clone().unwrap()).unwrap();
        let (untouched, cut) = (mapping(&file), mapping(&file));
        assert!(untouched.is_as_opened());
        file.set_len(4000).unwrap();
        assert!(!untouched.is_as_opened(), "another length");
        assert_eq!(cut.was_there(0, 40_000), 4000);
        file.set_len(40_000).unwrap();
        assert!(!cut.is_as_opened(), "what was read stays what it was, whatever the file is now");
    }
}
