// SPDX-License-Identifier: Apache-2.0
//! Programs that the traced one starts: how those that are Python programs come to be traced.
//!
//! Whatever is executed gets the tracer and its settings in its environment, as the command gave them to the first process;
//! the traced program's own environment stays as it is. What is no Python program runs with the library in it, which does
//! nothing there, and passes both on. [`follow`] begins this, and [`with_tracer`] is what hooks call.
//!
//! Hooks may be called between `vfork` and `exec`, on the stack of a thread that waits, while its other threads run: there
//! are only system calls, what was made ready before, and the stack.

use super::environment::{PRELOAD, own_path};
use super::executable;
use super::settings::{Settings, VARIABLE};
use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr::{copy_nonoverlapping, null};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// An environment, or what is like it.
pub(crate) type Strings = *const *const c_char;

/// What is to be executed.
#[derive(Clone, Copy)]
pub(crate) enum Executable {
    /// The file at a path.
    Path(*const c_char),
    /// An open file.
    Descriptor(c_int),
    /// A name that is looked for in folders, unless it is a path.
    Name(*const c_char),
}

/// What children are given, made ready when tracing begins.
struct Given {
    /// This library's path.
    library: CString,
    /// `LD_PRELOAD=` and the path.
    preload: CString,
    /// The variable with the settings.
    settings: CString,
    /// Words with which a shell gives them to what it runs.
    to_shell: Vec<u8>,
}

/// A process has one, as forked children are of the same family.
static GIVEN: OnceLock<Given> = OnceLock::new();

static IS_FOLLOWING: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    /// The environment of this process.
    static environ: Strings;
}

/// From now on children are traced, if that is asked for. `first` is the first capture of the family.
pub(super) fn follow(settings: &Settings, first: &Path) {
    if !settings.follows_children {
        return;
    }
    let childs = Settings {
        path: first.to_owned(),
        shown_path: first.to_owned(),
        is_child: true,
        skipped_frames: 0,
        command_line: Vec::new(),
        ..settings.clone()
    };
    let Some(given) = own_path().and_then(|library| Given::new(&library, &childs)) else { return };
    GIVEN.get_or_init(|| given);
    IS_FOLLOWING.store(true, Ordering::Release);
}

/// From now on children run untraced.
pub(super) fn stop_following() {
    IS_FOLLOWING.store(false, Ordering::Release);
}

/// Whether children are traced, or were: then the functions that start them are hooked.
pub(crate) fn are_watched() -> bool {
    GIVEN.get().is_some()
}

/// What children are given, if this one is to be traced. They would complain of a library that is gone: the command takes
/// away with it what it brought.
fn given() -> Option<&'static Given> {
    let given = GIVEN.get().filter(|_| IS_FOLLOWING.load(Ordering::Acquire))?;
    // SAFETY: the path ends.
    let is_there = unsafe { libc::access(given.library.as_ptr(), libc::R_OK) } == 0;
    is_there.then_some(given)
}

impl Given {
    fn new(library: &[u8], settings: &Settings) -> Option<Self> {
        let settings = settings.encode();
        let to_shell = [
            &b"export LD_PRELOAD="[..],
            &quoted(library),
            // What is preloaded already comes after it.
            b"\"${LD_PRELOAD+:$LD_PRELOAD}\" ",
            VARIABLE.as_bytes(),
            b"=",
            &quoted(settings.as_bytes()),
            b"; ",
        ];
        Some(Self {
            library: CString::new(library).ok()?,
            preload: CString::new([PRELOAD.to_bytes(), b"=", library].concat()).ok()?,
            settings: CString::new(format!("{VARIABLE}={settings}")).ok()?,
            to_shell: to_shell.concat(),
        })
    }
}

/// A word as a shell reads it.
fn quoted(word: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = word.split(|&byte| byte == b'\'').collect();
    [b"'", parts.join(&b"'\\''"[..]).as_slice(), b"'"].concat()
}

/// The environment of this process.
pub(crate) fn own_environment() -> Strings {
    // SAFETY: reads a pointer. Whoever changes the environment while another thread starts a program is wrong without us.
    unsafe { environ }
}

/// Calls with an environment, and in it what traces the program that is executed; unchanged where that is not wanted, or
/// cannot be.
///
/// # Safety
/// The environment is null or a list of C strings that ends with a null, and the executable's path or name is a C string.
pub(crate) unsafe fn with_tracer<R>(
    executable: Executable,
    environment: Strings,
    call: impl FnOnce(Strings) -> R,
) -> R {
    // SAFETY: as the caller promises.
    let given = keeping_errno(|| given().filter(|_| unsafe { executable.can_preload() }));
    let Some(given) = given else { return call(environment) };
    // SAFETY: as the caller promises.
    unsafe { given.add_to(environment, call) }
}

/// A shell's command, and before it what traces the programs that it starts; none where that is not wanted.
pub(crate) fn traced_command(command: &CStr) -> Option<CString> {
    /// What the kernel takes as one argument.
    const MOST_BYTES: usize = 128 << 10;
    let given = keeping_errno(given)?;
    let traced = [&given.to_shell, command.to_bytes()].concat();
    if traced.len() < MOST_BYTES { CString::new(traced).ok() } else { None }
}

fn keeping_errno<R>(call: impl FnOnce() -> R) -> R {
    // SAFETY: the address of this thread's errno, which lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let result = call();
    // SAFETY: as above.
    unsafe { *errno = before };
    result
}

impl Executable {
    /// Whether this library can be preloaded into it, as far as its file says.
    ///
    /// # Safety
    /// Paths and names are C strings.
    unsafe fn can_preload(self) -> bool {
        // SAFETY: the caller's.
        unsafe {
            match self {
                Self::Path(path) => executable::can_preload_at(path),
                Self::Descriptor(descriptor) => executable::can_preload_in(descriptor),
                // Where it will be found is not known; it may.
                Self::Name(name) => libc::strchr(name, c_int::from(b'/')).is_null() || executable::can_preload_at(name),
            }
        }
    }
}

/// What is found in an environment.
struct Found {
    /// How many variables.
    count: usize,
    /// Which is `LD_PRELOAD`, and its value with the length.
    preload: Option<(usize, *const c_char, usize)>,
    /// Whether somebody else says what is to be traced.
    is_told: bool,
}

impl Found {
    /// # Safety
    /// The environment is null or a list of C strings that ends with a null.
    unsafe fn look(environment: Strings) -> Self {
        let mut found = Self { count: 0, preload: None, is_told: false };
        if environment.is_null() {
            return found;
        }
        loop {
            // SAFETY: before the end of the list, as no null was found yet; what stands there is a C string.
            let variable = unsafe { *environment.add(found.count) };
            if variable.is_null() {
                return found;
            }
            // SAFETY: as above.
            unsafe {
                if let Some(value) = value_of(variable, PRELOAD.to_bytes()) {
                    found.preload = Some((found.count, value, libc::strlen(value)));
                }
                found.is_told |= value_of(variable, VARIABLE.as_bytes()).is_some();
            }
            found.count += 1;
        }
    }
}

/// The value of a variable, if it is called so.
///
/// # Safety
/// It is a C string.
unsafe fn value_of(variable: *const c_char, name: &[u8]) -> Option<*const c_char> {
    // SAFETY: no byte behind the string's end is read, as that end differs from the name.
    unsafe {
        let is_called_so = libc::strncmp(variable, name.as_ptr().cast(), name.len()) == 0;
        (is_called_so && *variable.add(name.len()) == b'=' as c_char).then(|| variable.add(name.len() + 1))
    }
}

impl Given {
    /// # Safety
    /// As for [`Found::look`].
    unsafe fn add_to<R>(&self, environment: Strings, call: impl FnOnce(Strings) -> R) -> R {
        // SAFETY: the caller's.
        let found = unsafe { Found::look(environment) };
        if found.is_told {
            return call(environment);
        }
        let preload = self.preload.as_bytes();
        // Both, a colon and a zero.
        let text_bytes = found.preload.map_or(0, |(_, _, length)| preload.len() + length + 2);
        // Two variables more, and a null.
        let words = found.count + 3;
        with_words(words + text_bytes.div_ceil(size_of::<usize>()), |room| {
            let Some((list, text)) = room.and_then(|room| room.split_at_mut_checked(words)) else {
                return call(environment);
            };
            let (list, text) = (list.as_mut_ptr().cast::<*const c_char>(), text.as_mut_ptr().cast::<u8>());
            // SAFETY: the list has room for so many words, and the text for so many bytes; what is copied is as long.
            unsafe {
                if found.count > 0 {
                    copy_nonoverlapping(environment, list, found.count);
                }
                let mut count = found.count;
                let mut add = |variable| {
                    list.add(count).write(variable);
                    count += 1;
                };
                if let Some((place, value, length)) = found.preload {
                    copy_nonoverlapping(preload.as_ptr(), text, preload.len());
                    text.add(preload.len()).write(b':');
                    copy_nonoverlapping(value.cast(), text.add(preload.len() + 1), length + 1);
                    list.add(place).write(text.cast());
                } else {
                    add(self.preload.as_ptr());
                }
                add(self.settings.as_ptr());
                add(null());
            }
            call(list)
        })
    }
}

type Room<'a> = Option<&'a mut [MaybeUninit<usize>]>;

/// Calls with room for so many words on the stack; with none if that would be too much.
fn with_words<R>(words: usize, call: impl FnOnce(Room<'_>) -> R) -> R {
    /// Each size has a frame of its own, so that the stack holds no more than is asked for.
    #[inline(never)]
    fn with<const WORDS: usize, R>(call: impl FnOnce(Room<'_>) -> R) -> R {
        call(Some(&mut [MaybeUninit::uninit(); WORDS]))
    }
    match words {
        0..=256 => with::<256, R>(call),
        257..=1024 => with::<1024, R>(call),
        1025..=4096 => with::<4096, R>(call),
        4097..=MOST_WORDS => with::<MOST_WORDS, R>(call),
        _ => call(None),
    }
}

/// 128 KiB: threads may have small stacks.
const MOST_WORDS: usize = 16_384;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn given() -> Given {
        Given {
            library: c"/t.so".to_owned(),
            preload: c"LD_PRELOAD=/t.so".to_owned(),
            settings: c"MEMRAY_VIEW_TRACE=x".to_owned(),
            to_shell: Vec::new(),
        }
    }

    /// What becomes of an environment.
    fn added(variables: &[&str]) -> Vec<String> {
        let texts: Vec<CString> = variables.iter().map(|&variable| CString::new(variable).unwrap()).collect();
        let pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).chain([null()]).collect();
        // SAFETY: both are lists of C strings, which end with a null.
        unsafe { given().add_to(pointers.as_ptr(), |list| texts_of(list)) }
    }

    unsafe fn texts_of(list: Strings) -> Vec<String> {
        // SAFETY: the caller's.
        let at = |i| unsafe { *list.add(i) };
        let strings = (0..).map(at).take_while(|string| !string.is_null());
        // SAFETY: the caller's.
        strings.map(|string| unsafe { CStr::from_ptr(string) }.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_is_there_stays_in_its_place() {
        let (preload, settings) = ("LD_PRELOAD=/t.so", "MEMRAY_VIEW_TRACE=x");
        assert_eq!(added(&[]), [preload, settings]);
        assert_eq!(added(&["Z=1", "odd", "A="]), ["Z=1", "odd", "A=", preload, settings]);
        assert_eq!(
            added(&["Z=1", "LD_PRELOAD=/a.so /b", "A=2"]),
            ["Z=1", "LD_PRELOAD=/t.so:/a.so /b", "A=2", settings]
        );
        assert_eq!(added(&["LD_PRELOAD="]), ["LD_PRELOAD=/t.so:", settings]);
        assert_eq!(added(&["LD_PRELOADS=1", "LD_PRELOAD"]), ["LD_PRELOADS=1", "LD_PRELOAD", preload, settings]);
        // SAFETY: null is an empty environment.
        assert_eq!(unsafe { given().add_to(null(), |list| texts_of(list)) }, [preload, settings]);
    }

    #[test]
    fn whoever_is_told_already_is_told_no_more() {
        assert_eq!(added(&["A=1", "MEMRAY_VIEW_TRACE=y"]), ["A=1", "MEMRAY_VIEW_TRACE=y"]);
    }

    #[test]
    fn too_many_variables_are_left_as_they_are() {
        let variables = vec!["A=1"; MOST_WORDS - 3];
        assert_eq!(added(&variables).len(), MOST_WORDS - 1);
        let variables = vec!["A=1"; MOST_WORDS - 2];
        assert_eq!(added(&variables).len(), MOST_WORDS - 2);
    }

    proptest! {
        #[test]
        fn all_sizes_fit(count in 0..5000_usize, preload_bytes in prop::option::of(0..40_000_usize)) {
            let mut variables = vec!["VARIABLE=1".to_owned(); count];
            let mut expected = variables.clone();
            if let Some(bytes) = preload_bytes {
                variables.insert(count / 2, format!("LD_PRELOAD={}", "y".repeat(bytes)));
                expected.insert(count / 2, format!("LD_PRELOAD=/t.so:{}", "y".repeat(bytes)));
            } else {
                expected.push("LD_PRELOAD=/t.so".to_owned());
            }
            expected.push("MEMRAY_VIEW_TRACE=x".to_owned());
            let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
            prop_assert_eq!(added(&variables), expected);
        }
    }

    /// What a shell's children find, by each shell that is there.
    #[test]
    fn a_shell_gives_the_same_to_what_it_runs() {
        let settings = Settings::decode(SETTINGS.as_bytes()).unwrap();
        let given = Given::new(b"/it's a $(t).so", &settings).unwrap();
        for (preloaded, expected) in [
            (None, "LD_PRELOAD=/it's a $(t).so\n"),
            (Some(""), "LD_PRELOAD=/it's a $(t).so:\n"),
            (Some("/a.so '\"$X /b.so"), "LD_PRELOAD=/it's a $(t).so:/a.so '\"$X /b.so\n"),
        ] {
            let command =
                [given.to_shell.as_slice(), b"printf 'LD_PRELOAD=%s\\n' \"$LD_PRELOAD\"; env | grep ^MEM"].concat();
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(String::from_utf8(command).unwrap()).env_clear().env("PATH", "/usr/bin:/bin");
            if let Some(preloaded) = preloaded {
                shell.env("LD_PRELOAD", preloaded);
            }
            let output = String::from_utf8(shell.output().unwrap().stdout).unwrap();
            assert_eq!(output, format!("{expected}MEMRAY_VIEW_TRACE={}\n", settings.encode()));
        }
    }

    const SETTINGS: &str = concat!(
        "version=",
        env!("CARGO_PKG_VERSION"),
        ";path=/it%27s;shown_path=x;overwrites=0;compresses=1;traces_python_allocators=0;traces_native=0;aggregates=0;\
         follows_forks=1;follows_children=1;is_child=1;uses_shortcut=1;is_quiet=0;memory_interval_us=10000"
    );
}
