// SPDX-License-Identifier: Apache-2.0
//! `memray-view run --follow-children`: Python programs that the program starts are recorded too, each into a file of its
//! own, and nobody sees a difference.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;
mod run_command;

use cli_command::{Place, Said, said};
use run_command::{all_interpreters, interpreter, plain, recorded, stats, write_executable};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FOLLOWS: [&str; 4] = ["-q", "--follow-children", "-o", "x.bin"];

/// A place with the programs that tests run.
fn place() -> Place {
    let place = Place::new();
    for (name, text) in [
        ("child.py", include_str!("run_children/child.py")),
        ("others.py", include_str!("run_children/others.py")),
        ("pool.py", include_str!("run_children/pool.py")),
        ("starts.py", include_str!("run_children/starts.py")),
        ("test_workers.py", include_str!("run_children/test_workers.py")),
    ] {
        std::fs::write(place.path(name), text).unwrap();
    }
    place
}

/// The captures of a place that are not the first, by what comes behind its name.
fn children(place: &Place) -> Vec<String> {
    let names =
        std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut children: Vec<String> = names.filter_map(|name| name.strip_prefix("x.bin.").map(str::to_owned)).collect();
    children.sort();
    children
}

fn command_line(place: &Place, child: &str) -> String {
    let stats = stats(place, &format!("x.bin.{child}"));
    stats["metadata"]["command_line"].as_str().unwrap().to_owned()
}

/// How many allocations of 5 MB a function of a child's holds at the peak.
fn held(place: &Place, child: &str, function: &str) -> usize {
    let Said { out, err, code } = place.run(&["export", &format!("x.bin.{child}"), "--function", function]);
    assert_eq!((code, err.as_str()), (0, ""), "{child}");
    let export: serde_json::Value = serde_json::from_str(&out).unwrap();
    let is_held = |stack: &&serde_json::Value| (5_000_000..5_001_000).contains(&stack["bytes"].as_i64().unwrap());
    export["stacks"].as_array().unwrap().iter().filter(is_held).count()
}

fn compiled(place: &Place, name: &str, words: &[&str], source: &str) -> PathBuf {
    let (source_path, path) = (place.path(&format!("{name}.c")), place.path(name));
    std::fs::write(&source_path, source).unwrap();
    let (compiler, flags) = words.split_first().unwrap();
    let compiled = Command::new(compiler).args(flags).arg("-o").arg(&path).arg(source_path).status().unwrap();
    assert!(compiled.success(), "{name}");
    path
}

#[test]
fn a_child_is_recorded_however_it_is_started() {
    for python in all_interpreters() {
        let place = place();
        let library = compiled(&place, "popen.so", &["cc", "-shared", "-fPIC"], include_str!("run_children/popen.c"));
        let ended =
            said(recorded(&place, &python, &FOLLOWS).arg("starts.py").args([&python, &library]).output().unwrap());
        assert_eq!((ended.err.as_str(), ended.code), ("", 0), "{}", python.display());
        let lines: Vec<(&str, &str)> = ended.out.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.len(), 20, "{}", ended.out);
        for (label, pid) in lines {
            let what = format!("{} {label} {:?}", python.display(), children(&place));
            let own = [pid.to_owned(), format!("{pid}.2")];
            let own: Vec<&String> = own
                .iter()
                .filter(|name| children(&place).contains(name))
                .filter(|name| command_line(&place, name).ends_with(&format!("child.py {label}")))
                .collect();
            assert_eq!(own.len(), 1, "{what}");
            assert_eq!(stats(&place, &format!("x.bin.{}", own[0]))["metadata"]["pid"].to_string(), pid, "{what}");
            assert_eq!(held(&place, own[0], "child_allocates"), 1, "{what}");
        }
    }
}

#[test]
fn workers_of_pools_are_recorded() {
    for python in all_interpreters() {
        for method in ["fork", "spawn", "forkserver", "default"] {
            let place = place();
            let what = format!("{} {method}", python.display());
            let ended =
                said(recorded(&place, &python, &FOLLOWS).arg("pool.py").arg(&python).arg(method).output().unwrap());
            assert_eq!((ended.err.as_str(), ended.code), ("", 0), "{what}");
            let workers: Vec<&str> = ended.out.split_whitespace().collect();
            assert!(!workers.is_empty(), "{what}");
            for worker in workers {
                assert_eq!(held(&place, worker, "work"), 1, "{what}");
            }
            let all = children(&place);
            // The workers, and the process that forks them.
            let most = if matches!(method, "fork" | "spawn") { 2 } else { 3 };
            assert!(all.len() <= most, "{what}: {all:?}");
            for child in all {
                let line = command_line(&place, &child);
                assert!(!line.contains("resource_tracker"), "{what}: {line}");
            }
        }
    }
}

#[test]
fn each_worker_of_a_test_run_has_a_capture() {
    let place = place();
    let python =
        std::env::var_os("MEMRAY_PYTHON").expect("MEMRAY_PYTHON names a Python with pytest (see scripts/test)");
    let mut run = recorded(&place, python, &FOLLOWS);
    run.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", "test_workers.py"]);
    let ended = said(run.output().unwrap());
    assert_eq!((ended.err.as_str(), ended.code), ("", 0), "{}", ended.out);
    assert!(ended.out.contains("16 passed"), "{}", ended.out);
    let workers = std::fs::read_to_string(place.path("workers")).unwrap();
    let mut workers: Vec<&str> = workers.lines().collect();
    workers.sort_unstable();
    workers.dedup();
    assert_eq!(workers.len(), 4);
    for worker in workers {
        let (name, pid) = worker.split_once(' ').unwrap();
        assert_eq!(held(&place, pid, "child_allocates"), 1, "{name}");
    }
}

#[test]
fn a_program_that_executes_another_leaves_a_capture_of_each() {
    let python = interpreter();
    let place = place();
    let program =
        format!("import os; kept = bytearray(5_000_000); os.execv({python:?}, ['python', 'child.py', 'next'])");
    std::fs::write(place.path("program.py"), program).unwrap();
    let ended = said(recorded(&place, &python, &FOLLOWS[1..]).arg("program.py").output().unwrap());
    let pid = ended.out.strip_prefix("next ").unwrap().trim_end();
    assert_eq!(children(&place), [pid]);
    assert_eq!(held(&place, pid, "child_allocates"), 1);
    assert_eq!(stats(&place, "x.bin")["metadata"]["pid"].to_string(), pid);
    let lines: Vec<&str> = ended.err.lines().collect();
    let [writing, peak, and, open] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(*writing, "Writing profile results into x.bin");
    assert!(peak.starts_with("memray-view: Peak ") && peak.contains("\u{2192} x.bin ("), "{peak}");
    assert_eq!(*and, "memray-view: and 1 of its children \u{2192} x.bin.*");
    assert_eq!(*open, "memray-view: Open it with: memray-view ./x.bin");
}

#[test]
fn captures_that_are_there_are_not_replaced() {
    let python = interpreter();
    let place = place();
    // Takes the names before the child does.
    let shim = "#!/bin/sh\necho there > x.bin.$$\necho there > x.bin.$$.2\nexec \"$@\"\n";
    write_executable(&place.path("shim"), shim);
    let program = format!("import subprocess; subprocess.run(['./shim', {python:?}, 'child.py', 'x'])");
    let ended = said(recorded(&place, &python, &FOLLOWS).args(["-c", &program]).output().unwrap());
    let pid = ended.out.strip_prefix("x ").unwrap().trim_end();
    assert_eq!(children(&place), [pid.to_owned(), format!("{pid}.2"), format!("{pid}.3")]);
    assert_eq!(std::fs::read(place.path(&format!("x.bin.{pid}.2"))).unwrap(), b"there\n");
    assert_eq!(held(&place, &format!("{pid}.3"), "child_allocates"), 1);
}

#[test]
fn a_fork_that_only_executes_leaves_nothing() {
    for python in all_interpreters() {
        let place = place();
        let program =
            "import subprocess\nfor _ in range(3): subprocess.run(['true'], check=True, start_new_session=True)";
        let ended = said(recorded(&place, &python, &FOLLOWS).args(["-c", program]).output().unwrap());
        assert_eq!((ended.err.as_str(), ended.code), ("", 0), "{}", python.display());
        assert_eq!(children(&place), [""; 0], "{}", python.display());
    }
}

#[test]
fn what_is_no_python_program_runs_as_without_us() {
    let place = place();
    let hello = "#include <stdio.h>\nint main(int n, char **words) { printf(\"%d\\n\", n); return 3; }\n";
    let with_musl = compiled(&place, "musl", &["musl-gcc"], hello);
    let without_libraries = compiled(&place, "static", &["cc", "-static"], hello);
    let script = |name: &str, text: &str| {
        write_executable(&place.path(name), text);
        place.path(name)
    };
    let of_musl = script("of_musl", &format!("#!{}\n", with_musl.display()));
    let of_shell = script("of_shell", "#!/bin/sh\necho $# \"$@\"; exit 3\n");
    let of_nobody = script("of_nobody", "#!/none/interpreter\n");
    let (headless, empty) = (script("headless", "echo $#\n"), script("empty", ""));
    let privileged = place.path("privileged");
    // Who runs as another user gets nothing preloaded.
    std::fs::copy("/usr/bin/id", &privileged).unwrap();
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } == 0 {
        std::os::unix::fs::chown(&privileged, Some(65534), Some(65534)).unwrap();
    }
    std::fs::set_permissions(&privileged, std::fs::Permissions::from_mode(0o6755)).unwrap();
    let programs = [&with_musl, &without_libraries, &of_musl, &of_shell, &of_nobody, &headless, &empty, &privileged];
    for python in all_interpreters() {
        let run = |mut command: Command| said(command.arg("others.py").args(programs).output().unwrap());
        let (without, traced) = (run(plain(&place, &python)), run(recorded(&place, &python, &FOLLOWS)));
        assert_eq!((&without.out, &without.err), (&traced.out, &traced.err), "{}", python.display());
        assert_eq!(without.code, 0, "{}", without.err);
        assert!(without.out.matches("(3, b'").count() >= 6, "{}", without.out);
        assert_eq!(children(&place), [""; 0], "{}", python.display());
        std::fs::remove_file(place.path("x.bin")).unwrap();
    }
}

#[test]
fn a_child_that_cannot_be_traced_runs_untraced_and_the_command_says_so() {
    let versions = std::env::home_dir().and_then(|home| home.join(".pyenv/versions").read_dir().ok());
    let pythons = versions.into_iter().flatten().flat_map(|version| {
        let folder = version.unwrap().path().join("bin");
        ["pypy3", "python2.7", "python3.6", "python3.7", "python3.8"].map(|name| folder.join(name))
    });
    let pythons: Vec<PathBuf> = pythons.filter(|path| path.is_file()).collect();
    println!("interpreters: {pythons:?}");
    for old in pythons {
        let place = place();
        let ask = "import os; print(sorted(os.environ)); print(os.getpid())";
        let program = format!(
            "import subprocess\n\
             print(subprocess.run([{old:?}, '-c', {ask:?}], stdout=-1, stderr=-2, env={{'A': '1'}}).stdout.decode())"
        );
        let ended = said(recorded(&place, interpreter(), &FOLLOWS).args(["-c", &program]).output().unwrap());
        let (environment, pid) = ended.out.trim_end().split_once('\n').unwrap();
        assert!(environment.starts_with("['A'") && !environment.contains("PRELOAD"), "{}", ended.out);
        assert!(ended.err.starts_with(&format!("memray-view: in process {pid}: ")), "{}", ended.err);
        assert!(ended.err.ends_with("it runs untraced\n") && ended.err.lines().count() == 1, "{}", ended.err);
        assert_eq!(children(&place), [""; 0]);
        stats(&place, "x.bin");
    }
}

#[test]
fn a_child_outlives_the_command_and_is_recorded_to_its_end() {
    let python = interpreter();
    let place = place();
    let child = "import sys\n\
                 def late():\n    return bytearray(5_000_000)\n\
                 print('begun', flush=True)\n\
                 sys.stdin.readline()\n\
                 kept = late()\n";
    std::fs::write(place.path("late.py"), child).unwrap();
    let program = format!(
        "import subprocess, sys\n\
         child = subprocess.Popen([{python:?}, 'late.py'], stdout=subprocess.PIPE, stderr=2)\n\
         child.stdout.readline()\n\
         print(child.pid, flush=True)\n\
         child.stdout.close()\n\
         import os; os._exit(0)\n"
    );
    let mut run = recorded(&place, &python, &FOLLOWS);
    let mut run =
        run.args(["-c", &program]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Waiting would close it.
    let mut input = run.stdin.take().unwrap();
    assert!(run.wait().unwrap().success());
    let mut pid = String::new();
    run.stdout.take().unwrap().read_to_string(&mut pid).unwrap();
    input.write_all(b"go on\n").unwrap();
    // Open in the child until it ends.
    let mut err = String::new();
    run.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
    assert_eq!(held(&place, pid.trim_end(), "late"), 1);
}

#[test]
fn where_the_tracer_is_gone_children_run_untraced() {
    let python = interpreter();
    let place = place();
    let tracer = place.path("tracer.so");
    std::fs::copy(tracer_library(&place), &tracer).unwrap();
    let program = format!(
        "import os, subprocess; os.remove('tracer.so')\n\
         subprocess.run([{python:?}, 'child.py', 'x']); os.system(\"'{}' child.py y\")",
        python.display()
    );
    let mut run = recorded(&place, &python, &FOLLOWS);
    let ended = said(run.env("MEMRAY_VIEW_TRACER", &tracer).args(["-c", &program]).output().unwrap());
    assert_eq!((ended.err.as_str(), ended.code, ended.out.lines().count()), ("", 0, 2), "{}", ended.out);
    assert_eq!(children(&place), [""; 0]);
    stats(&place, "x.bin");
}

/// The tracer that the command brings, as a program finds it loaded.
fn tracer_library(place: &Place) -> PathBuf {
    let program = "print(next(line.split()[-1] for line in open('/proc/self/maps') if 'tracer' in line))";
    let ended = said(recorded(place, interpreter(), &["-q"]).args(["-c", program]).output().unwrap());
    ended.out.trim_end().into()
}

#[test]
fn a_recording_within_a_recording_is_another() {
    let python = interpreter();
    let place = place();
    let view = cli_command::binary();
    let program = format!(
        "import subprocess; subprocess.run([{view:?}, 'run', '-q', '-o', 'inner.bin', '--python', {python:?}, '-c',\n\
         'import os; print(os.environ.get(\"LD_PRELOAD\"), os.environ.get(\"MEMRAY_VIEW_TRACE\"))'])"
    );
    let ended = said(recorded(&place, &python, &FOLLOWS).args(["-c", &program]).output().unwrap());
    assert_eq!((ended.out.as_str(), ended.err.as_str(), ended.code), ("None None\n", "", 0));
    assert_eq!(children(&place), [""; 0]);
    stats(&place, "inner.bin");
}
