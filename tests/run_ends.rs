// SPDX-License-Identifier: Apache-2.0
//! `memray-view run`: signals reach the program as without us, and the command ends as the program does.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::Place;
use run_command::{captures, interpreter, interpreters, plain, recorded, stats};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// How programs end, and what of them.
const ENDINGS: [(&str, &str); 9] = [
    ("done", "pass"),
    ("code", "import sys; sys.exit(3)"),
    ("sentence", "import sys; sys.exit('a sentence')"),
    ("exception", "raise KeyError('x')"),
    ("at_once", "import os; os._exit(7)"),
    ("aborted", "import os; os.abort()"),
    ("killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    ("terminated", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    ("interrupted", "raise KeyboardInterrupt"),
];

#[test]
fn the_command_ends_as_the_program_does() {
    for python in interpreters() {
        let place = Place::new();
        for (name, text) in ENDINGS {
            let script = format!("{name}.py");
            std::fs::write(place.path(&script), text).unwrap();
            let without = plain(&place, &python).arg(&script).output().unwrap();
            let what = format!("{} {name}", python.display());
            let capture = format!("{name}.bin");
            let traced = recorded(&place, &python, &["-o", &capture]).arg(&script).output().unwrap();
            let ended = |output: &std::process::Output| (output.status.code(), output.status.signal());
            assert_eq!(ended(&traced), ended(&without), "{what}");
            assert!(!traced.status.core_dumped(), "{what}");
            let (said, own) = own_lines(&traced.stderr);
            assert_eq!(said, String::from_utf8_lossy(&without.stderr), "{what}");
            assert_eq!(own[0], format!("Writing profile results into {capture}"), "{what}");
            assert!(
                own[1].starts_with("memray-view: Peak ") && own[1].contains(&format!(" \u{2192} {capture} (")),
                "{own:?}"
            );
            assert_eq!(own[2..], [format!("memray-view: Open it with: memray-view ./{capture}")], "{what}");
            stats(&place, &capture);
        }
        let kept = place.run(&["cache"]);
        assert!(kept.out.starts_with(&format!("{} indexes", ENDINGS.len())), "captures open at once: {}", kept.out);
    }
}

/// The program's lines, and those of ours.
fn own_lines(err: &[u8]) -> (String, Vec<String>) {
    let err = String::from_utf8(err.to_vec()).unwrap();
    let is_own = |line: &&str| line.starts_with("memray-view: ") || line.starts_with("Writing profile results into ");
    let (own, rest): (Vec<&str>, Vec<&str>) = err.split_inclusive('\n').partition(is_own);
    (rest.concat(), own.iter().map(|line| line.trim_end().to_owned()).collect())
}

/// A program that counts signals until it is told to end.
const COUNTS: &str = "import os, signal, sys, threading\n\
    counts = {}\n\
    def count(number, frame):\n\
    \x20   counts[number] = counts.get(number, 0) + 1\n\
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT, signal.SIGRTMIN + 2):\n\
    \x20   signal.signal(number, count)\n\
    print('ready', os.getpid(), flush=True)\n\
    while True:\n\
    \x20   line = sys.stdin.readline()\n\
    \x20   if line == 'end\\n':\n\
    \x20       break\n\
    \x20   print(sorted((int(number), n) for number, n in counts.items()), flush=True)\n";

/// Reads lines from a program until one is as expected; a program that says otherwise makes the test wait, not fail.
fn line_of(out: &mut impl BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn send(pid: u32, signal: i32) {
    // SAFETY: sends a signal to a process of this test's.
    assert_eq!(unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) }, 0);
}

struct Counting {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    pid: u32,
}

fn counting(place: &Place) -> Counting {
    std::fs::write(place.path("counts.py"), COUNTS).unwrap();
    let mut command = recorded(place, interpreter(), &["-q"]);
    command.arg("counts.py").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let pid = line_of(&mut out).strip_prefix("ready ").unwrap().parse().unwrap();
    Counting { child, out, pid }
}

impl Counting {
    /// What it counted, once that is as expected.
    fn counted(&mut self, expected: &str) {
        loop {
            self.child.stdin.as_mut().unwrap().write_all(b"count\n").unwrap();
            if line_of(&mut self.out) == expected {
                return;
            }
        }
    }
}

#[test]
fn signals_that_are_sent_to_the_command_reach_the_program() {
    let place = Place::new();
    let mut counting = counting(&place);
    let mut expected = Vec::new();
    let signals = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGUSR1, libc::SIGTERM, libc::SIGRTMIN() + 2];
    for signal in signals {
        send(counting.child.id(), signal);
        expected.push((signal, 1));
        expected.sort_unstable();
        counting.counted(&format!("{expected:?}"));
    }
    counting.child.stdin.as_mut().unwrap().write_all(b"end\n").unwrap();
    assert_eq!(counting.child.wait().unwrap().code(), Some(0));
    assert_eq!(captures(&place).len(), 1);
}

#[test]
fn a_program_that_is_killed_takes_the_command_with_it() {
    for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGUSR2] {
        let place = Place::new();
        let mut counting = counting(&place);
        if signal == libc::SIGTERM {
            // The program cares about it, so it is another that ends it.
            send(counting.child.id(), libc::SIGALRM);
            assert_eq!(counting.child.wait().unwrap().signal(), Some(libc::SIGALRM));
        } else {
            send(counting.pid, signal);
            assert_eq!(counting.child.wait().unwrap().signal(), Some(signal));
        }
        stats(&place, &captures(&place)[0]);
    }
}

/// A terminal, and a process that leads its session.
fn at_terminal(command: &mut Command) -> (Child, File) {
    let (mut controller, mut terminal) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: both numbers are there to be written to; the rest may be left out.
    assert_eq!(unsafe { libc::openpty(&mut controller, &mut terminal, null, null.cast(), null.cast()) }, 0);
    // SAFETY: both were just opened, and belong to nobody else.
    let (controller, terminal) = unsafe { (OwnedFd::from_raw_fd(controller), OwnedFd::from_raw_fd(terminal)) };
    let end = || Stdio::from(terminal.try_clone().unwrap());
    command.stdin(end()).stdout(end()).stderr(end());
    // SAFETY: only system calls, between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A shell that runs the tests in the background ignores them.
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            libc::signal(libc::SIGQUIT, libc::SIG_DFL);
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    (command.spawn().unwrap(), File::from(controller))
}

/// Reads from a terminal until a text was there.
fn read_until(terminal: &mut File, text: &str) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains(text) {
        match terminal.read(&mut byte) {
            Ok(1) => said.push(byte[0]),
            _ => panic!("{:?} is not in {:?}", text, String::from_utf8_lossy(&said)),
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_program_once() {
    let place = Place::new();
    std::fs::write(place.path("counts.py"), COUNTS).unwrap();
    let (mut child, mut terminal) = at_terminal(recorded(&place, interpreter(), &["-q"]).arg("counts.py"));
    read_until(&mut terminal, "ready");
    for n in 1..4 {
        terminal.write_all(b"\x03").unwrap();
        let expected = format!("[(2, {n})]");
        // The terminal throws away what was typed before Ctrl-C was seen, so the question is asked until it is answered.
        loop {
            terminal.write_all(b"count\n").unwrap();
            if read_until(&mut terminal, "]").contains(&expected) {
                break;
            }
        }
    }
    // Were the signal sent twice, the last would have been counted by now.
    terminal.write_all(b"count\n").unwrap();
    read_until(&mut terminal, "[(2, 3)]");
    terminal.write_all(b"end\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn after_ctrl_c_it_says_what_was_recorded_and_ends_as_python_does() {
    let place = Place::new();
    std::fs::write(place.path("waits.py"), "import time\nprint('ready', flush=True)\ntime.sleep(1000)\n").unwrap();
    let (mut child, mut terminal) = at_terminal(recorded(&place, interpreter(), &["-o", "x.bin"]).arg("waits.py"));
    read_until(&mut terminal, "ready");
    terminal.write_all(b"\x03").unwrap();
    read_until(&mut terminal, "KeyboardInterrupt");
    let said = read_until(&mut terminal, "Open it with: memray-view ./x.bin");
    assert!(said.contains("memray-view: Peak "), "{said}");
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
}

#[test]
fn what_was_ignored_stays_ignored() {
    let program =
        "import signal; print([signal.getsignal(it) for it in (signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD)])";
    let python = interpreter();
    let place = Place::new();
    let said = |mut command: Command| {
        command.args(["-c", program]);
        // SAFETY: only system calls, between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_IGN);
                libc::signal(libc::SIGQUIT, libc::SIG_IGN);
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                Ok(())
            });
        }
        cli_command::said(command.output().unwrap())
    };
    let (without, traced) = (said(plain(&place, &python)), said(recorded(&place, &python, &["-q"])));
    assert!(without.out.matches("SIG_IGN").count() == 3, "{}", without.out);
    assert_eq!((traced.out, traced.code), (without.out, 0));
}

#[test]
fn a_recording_that_was_limited_says_so_and_its_program_runs_on() {
    let place = Place::new();
    // Until the capture is complete; then more, which is not recorded.
    let program = "import os, struct, sys\n\
        path, blocks = sys.argv[1], []\n\
        def is_complete():\n\
        \x20   with open(path, 'rb') as file: return file.read()[-8:] == b'mrv-appx'\n\
        while not is_complete():\n\
        \x20   blocks.extend(bytearray(1000 + n) for n in range(2000))\n\
        more = bytearray(77_777_777)\n\
        print('ran on', len(more))\n";
    std::fs::write(place.path("grows.py"), program).unwrap();
    let (by_time, by_size) = (
        "The recording stops after {}, as --duration asked; the program ran on. Totals are exact up to there.",
        "The recording stops after {}, when the capture had the 200 KiB that --max-size allowed; the program ran on. \
         Totals are exact up to there.",
    );
    let cases = [("--duration", "150ms", by_time, "duration"), ("--max-size", "200K", by_size, "max_size")];
    for (option, limit, note, kind) in cases {
        for form in [&["-f"] as &[&str], &["-f", "--no-compress"], &["-f", "--memory-interval", "3600000"]] {
            let mut command = recorded(&place, interpreter(), &[&[option, limit, "-o", "x.bin"], form].concat());
            let said = cli_command::said(command.args(["grows.py", "x.bin"]).output().unwrap());
            assert_eq!((said.out.as_str(), said.code), ("ran on 77777777\n", 0), "{}", said.err);
            assert!(said.err.contains(" live when the recording stops, "), "{}", said.err);
            let exported = place.run(&["export", "x.bin"]);
            let exported: serde_json::Value = serde_json::from_str(&exported.out).unwrap();
            assert_eq!(exported["metadata"]["ending"], serde_json::json!({ "kind": format!("stopped_by_{kind}") }));
            assert_eq!(exported["metadata"]["recorder"], concat!("memray-view ", env!("CARGO_PKG_VERSION")));
            let said = place.run(&["index", "x.bin"]).out.replace('\n', " ");
            let (before, after) = note.split_once("{}").unwrap();
            assert!(said.contains(before) && said.contains(after), "{said}");
        }
    }
}

#[test]
fn a_capture_that_must_not_become_longer_names_native_functions_too() {
    let place = Place::new();
    let program = "import random\n\
        print('ran on', sum(len(bytearray(random.randrange(1000, 60_000))) for _ in range(300_000)))";
    for form in [&["-f"] as &[&str], &["-f", "--no-compress"]] {
        let options = [form, &["--native", "--max-size", "1M", "-q", "-o", "x.bin"]].concat();
        let run = recorded(&place, interpreter(), &options).args(["-c", program]).output().unwrap();
        assert!(run.status.success() && run.stdout.starts_with(b"ran on "), "{form:?}");
        let bytes = std::fs::read(place.path("x.bin")).unwrap();
        assert!((900_000..1 << 20).contains(&bytes.len()), "{form:?}: {}", bytes.len());
        let appendix = memray_format::appendix::find(&bytes).unwrap().unwrap();
        let stopped = memray_format::appendix::decode_stopped_by(appendix).unwrap();
        assert_eq!(stopped, Some(memray_format::appendix::StoppedBy::MaxSize(1 << 20)), "{form:?}");
        let libraries = memray_format::appendix::decode_native_symbols(appendix).unwrap();
        let names: Vec<_> = libraries.iter().flat_map(|library| &library.functions).map(|it| it.name).collect();
        assert!(
            names.iter().any(|name| name.starts_with(b"Py") || name.starts_with(b"_Py")),
            "{form:?}: {} names",
            names.len()
        );
    }
}
