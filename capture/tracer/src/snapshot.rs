// SPDX-License-Identifier: Apache-2.0
//! [`Sampler`]: a thread that looks at the program's resident set, again and again.
//!
//! It reads `VmRSS` and `HugetlbPages` of `/proc/self/status`, as memray does: the cheaper `statm` knows nothing of huge pages.
//! The thread counts as inside the tracer for good, takes no signals that were meant for the program, and allocates nothing.

use crate::descriptor::moved_up;
use crate::thread::Entered;
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::IntoRawFd;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Called with the milliseconds since 1970 and the resident set's size in bytes.
type OnSample = fn(i64, u64);

/// The thread's stack, in which the C library puts all thread-local variables of the program too. Little of it is touched.
const STACK_BYTES: usize = 256 << 10;

/// A running thread. It ends by [`Self::stop`] or [`Self::stop_and_wait`] only.
pub(crate) struct Sampler {
    shared: Arc<Shared>,
    thread: libc::pthread_t,
}

struct Shared {
    is_stopped: AtomicU32,
    status: Status,
}

/// What the thread begins with.
struct Start {
    shared: Arc<Shared>,
    interval: Duration,
    last: Option<Instant>,
    on_sample: OnSample,
}

impl Sampler {
    /// Starts sampling, at once and then after each interval, and when the time is over, if that is given; none if there can
    /// be no thread.
    pub(crate) fn start(interval: Duration, last: Option<Instant>, on_sample: OnSample) -> Option<Self> {
        let shared = Arc::new(Shared { is_stopped: AtomicU32::new(0), status: Status::new() });
        let start = Box::new(Start { shared: shared.clone(), interval, last, on_sample });
        spawn(start).map(|thread| Self { shared, thread })
    }

    /// Ends the thread soon, without waiting for it: it may be the caller, or wait for what the caller holds. It may give
    /// one sample more.
    pub(crate) fn stop(self) {
        self.ask_to_end();
        // SAFETY: the thread was not waited for, and nobody else can.
        unsafe { libc::pthread_detach(self.thread) };
    }

    /// Ends the thread, and returns when it is gone. The caller is another, and holds nothing that a sample waits for.
    pub(crate) fn stop_and_wait(self) {
        self.ask_to_end();
        // SAFETY: as above.
        unsafe { libc::pthread_join(self.thread, null_mut()) };
    }

    fn ask_to_end(&self) {
        let word = &self.shared.is_stopped;
        word.store(1, Ordering::Release);
        // SAFETY: the word outlives the call.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
    }

    /// In a forked child, which has no such thread.
    pub(crate) fn forget(self) {
        self.shared.status.close();
    }
}

/// Starts a thread with all signals blocked.
fn spawn(start: Box<Start>) -> Option<libc::pthread_t> {
    let argument = Box::into_raw(start);
    // SAFETY: all pointers are to places that outlive the calls; the argument is the thread's from its creation on, and
    // otherwise still this function's.
    let started = unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        let mut thread: libc::pthread_t = 0;
        libc::pthread_attr_init(&raw mut attributes);
        libc::pthread_attr_setstacksize(&raw mut attributes, STACK_BYTES);
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = libc::pthread_create(&raw mut thread, &raw const attributes, run, argument.cast());
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
        libc::pthread_attr_destroy(&raw mut attributes);
        (result == 0).then_some(thread)
    };
    if started.is_none() {
        // SAFETY: made above, and nobody else has it.
        drop(unsafe { Box::from_raw(argument) });
    }
    started
}

extern "C" fn run(argument: *mut c_void) -> *mut c_void {
    // Never left again.
    std::mem::forget(Entered::enter());
    // SAFETY: `spawn` made it for this thread alone.
    let start = unsafe { Box::from_raw(argument.cast::<Start>()) };
    // SAFETY: the name is a C string of less than 16 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"memray-view".as_ptr()) };
    let shared = &start.shared;
    loop {
        if let Some(rss_bytes) = shared.status.rss_bytes() {
            (start.on_sample)(now_ms(), rss_bytes);
        }
        let left = start.last.map(|last| last.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
        if !shared.waits(left.map_or(start.interval, |left| left.min(start.interval))) {
            shared.status.close();
            return null_mut();
        }
    }
}

impl Shared {
    /// Waits for an interval; false if it was stopped.
    fn waits(&self, interval: Duration) -> bool {
        let deadline = Instant::now() + interval;
        loop {
            if self.is_stopped.load(Ordering::Acquire) != 0 {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            let left = libc::timespec {
                tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: libc::c_long::from(left.subsec_nanos() as i32),
            };
            let (word, wait) = (self.is_stopped.as_ptr(), libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG);
            // SAFETY: the word outlives the call; the kernel compares it before it sleeps.
            unsafe { libc::syscall(libc::SYS_futex, word, wait, 0, &raw const left) };
        }
    }
}

/// Milliseconds since 1970, as captures count them.
pub(crate) fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// `/proc/self/status`, held open. It is opened anew if the program closed it.
struct Status(AtomicI32);

const CLOSED: i32 = -1;

impl Status {
    fn new() -> Self {
        Self(AtomicI32::new(CLOSED))
    }

    /// The resident set, huge pages included.
    fn rss_bytes(&self) -> Option<u64> {
        read_rss_bytes(self.0.load(Ordering::Relaxed)).or_else(|| {
            // Whatever has the old number now is the program's.
            let status = File::open("/proc/self/status").ok()?;
            let descriptor = moved_up(status).into_raw_fd();
            self.0.store(descriptor, Ordering::Relaxed);
            read_rss_bytes(descriptor)
        })
    }

    /// Closes it, unless its number is another file's by now.
    fn close(&self) {
        let descriptor = self.0.swap(CLOSED, Ordering::Relaxed);
        if read_rss_bytes(descriptor).is_some() {
            // SAFETY: this is the file that was opened here, and nobody reads it any more.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Sums `VmRSS` and `HugetlbPages`, line by line, as a line before them may be of any length. Reads at offsets only, so that
/// another file of this number would not notice.
fn read_rss_bytes(descriptor: i32) -> Option<u64> {
    let mut buffer = [0_u8; 4096];
    let mut offset = 0;
    let mut rss_kib = None;
    loop {
        // SAFETY: the buffer is a place to write to, as long as is said.
        let length = unsafe { libc::pread(descriptor, buffer.as_mut_ptr().cast(), buffer.len(), offset) };
        let read = buffer.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
        let lines = read.iter().rposition(|&byte| byte == b'\n').map_or(read, |last| &read[..=last]);
        if lines.is_empty() {
            break;
        }
        for line in lines.split(|&byte| byte == b'\n') {
            if let Some(value) = line.strip_prefix(b"VmRSS:") {
                rss_kib = Some(number_in(value));
            } else if let (Some(value), Some(rss_kib)) = (line.strip_prefix(b"HugetlbPages:"), &mut rss_kib) {
                *rss_kib += number_in(value);
            }
        }
        offset += libc::off_t::try_from(lines.len()).unwrap_or(0);
    }
    rss_kib.map(|kib| kib * 1024)
}

fn number_in(text: &[u8]) -> u64 {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::sync::Mutex;

    #[test]
    fn the_resident_set_is_that_of_status_with_huge_pages() {
        let text = format!(
            "Name:\tpython\nGroups:\t{}\nVmRSS:\t    1992 kB\nRssAnon:\t 148 kB\nHugetlbPages:\t    4096 kB\nThreads:\t1\n",
            "1000 ".repeat(5000)
        );
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        assert_eq!(read_rss_bytes(file.as_raw_fd()), Some((1992 + 4096) * 1024));
        assert_eq!(read_rss_bytes(CLOSED), None);
    }

    #[test]
    fn memory_that_is_touched_counts() {
        let (touched, status) = (vec![1_u8; 64 << 20], Status::new());
        assert!(status.rss_bytes().unwrap() >= 64 << 20, "{}", touched[7]);
        status.close();
    }

    #[test]
    fn a_program_that_closes_all_descriptors_is_sampled_on_and_keeps_its_own() {
        let status = Status::new();
        assert!(status.rss_bytes().is_some());
        let descriptor = status.0.load(Ordering::Relaxed);
        assert!(descriptor >= 400);
        // The program puts a file of its own in its place.
        let own = tempfile::tempfile().unwrap();
        // SAFETY: the descriptor is the one opened above.
        assert_eq!(unsafe { libc::dup2(own.as_raw_fd(), descriptor) }, descriptor);
        assert!(status.rss_bytes().is_some());
        assert!(status.0.load(Ordering::Relaxed) != descriptor);
        status.0.store(descriptor, Ordering::Relaxed);
        status.close();
        // SAFETY: a call that takes numbers only.
        assert!(unsafe { libc::fcntl(descriptor, libc::F_GETFD) } != -1, "the program's file is open still");
    }

    #[test]
    fn it_samples_at_once_and_again_and_stops() {
        static SAMPLES: Mutex<Vec<(i64, u64)>> = Mutex::new(Vec::new());
        let count = || SAMPLES.lock().unwrap().len();
        let before_ms = now_ms();
        let sampler = Sampler::start(Duration::from_millis(1), None, |time_ms, rss_bytes| {
            SAMPLES.lock().unwrap().push((time_ms, rss_bytes));
        })
        .unwrap();
        while count() < 5 {
            std::thread::yield_now();
        }
        sampler.stop_and_wait();
        let counted = count();
        let samples = SAMPLES.lock().unwrap();
        assert!(samples.iter().all(|&(time_ms, rss_bytes)| time_ms >= before_ms && rss_bytes > 0));
        assert!(samples.is_sorted_by_key(|&(time_ms, _)| time_ms));
        assert_eq!(samples.len(), counted, "none after it has ended");
    }

    #[test]
    fn there_is_a_sample_when_the_time_is_over_however_long_the_interval() {
        static LATE_SAMPLES: AtomicU32 = AtomicU32::new(0);
        static OVER: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let over = *OVER.get_or_init(|| Instant::now() + Duration::from_millis(20));
        let sampler = Sampler::start(Duration::from_secs(3600), Some(over), |_, _| {
            let is_late = OVER.get().is_some_and(|over| Instant::now() >= *over);
            LATE_SAMPLES.fetch_add(u32::from(is_late), Ordering::Relaxed);
        })
        .unwrap();
        while LATE_SAMPLES.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        sampler.stop_and_wait();
    }

    #[test]
    fn a_long_wait_is_cut_short_by_stopping() {
        let sampler = Sampler::start(Duration::from_secs(3600), None, |_, _| {}).unwrap();
        let shared = sampler.shared.clone();
        sampler.stop();
        // The thread lets go of what it shares when it has ended.
        while Arc::strong_count(&shared) > 1 {
            std::thread::yield_now();
        }
    }
}
