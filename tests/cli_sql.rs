// SPDX-License-Identifier: Apache-2.0
//! `memray-view sql`: its tables say what `export` and `stats` say, and nothing but reading is allowed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli_command;

use cli_command::{Place, Said, capture_path};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CAPTURES: [&str; 5] = [
    "v8-py3.8/json_churn.bin",
    "v10-py3.10/threads.bin",
    "v11-py3.12/items.bin",
    "v13-py3.11/mmap_ranges.bin",
    "v13-py3.13/json_churn_pymalloc.bin",
];

fn rows(place: &Place, capture: &str, statement: &str) -> Value {
    let Said { out, err, code } = place.run_on(capture, &["sql", "FILE", statement, "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{statement}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn sums_over_sites_and_lifetimes_are_those_of_the_statistics() {
    let place = Place::new();
    for capture in CAPTURES {
        let stats = place.run_on(capture, &["stats", "FILE", "--json"]).out;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        let totals =
            json!([{ "bytes": stats["total_bytes_allocated"], "allocations": stats["total_num_allocations"] }]);
        let of_sites = "select sum(total_bytes) as bytes, sum(total_allocations) as allocations from sites";
        assert_eq!(rows(&place, capture, of_sites), totals, "{capture}");
        let of_lifetimes = "select sum(bytes) as bytes, sum(allocations) as allocations from lifetimes";
        assert_eq!(rows(&place, capture, of_lifetimes), totals, "{capture}");
        let leaked = place.export(capture, &["--mode", "leaked"]);
        for statement in [
            "select sum(leaked_bytes) as bytes from sites",
            "select sum(bytes) as bytes from lifetimes where died_ms is null",
            "select value as bytes from capture where key = 'end_bytes'",
        ] {
            let expected = json!([{ "bytes": leaked["total_bytes"] }]);
            assert_eq!(rows(&place, capture, statement), expected, "{capture}: {statement}");
        }
    }
}

#[test]
fn the_peak_by_line_is_that_of_the_export() {
    let place = Place::new();
    for capture in CAPTURES {
        let export = place.export(capture, &["--mode", "peak"]);
        // The innermost frame of each stack; those without one have no row there.
        let mut expected: BTreeMap<(String, i64), i64> = BTreeMap::new();
        for stack in export["stacks"].as_array().unwrap() {
            if let Some(frame) = stack["frames"].as_array().unwrap().first() {
                let line = frame["line"].as_i64().unwrap_or(0);
                let key = (frame["function"].as_str().unwrap().to_owned(), line);
                *expected.entry(key).or_default() += stack["bytes"].as_i64().unwrap();
            }
        }
        let statement =
            "select function, line, sum(peak_bytes) as bytes from sites join stacks on stacks.id = sites.stack
            where stack <> 0 group by 1, 2 having sum(peak_allocations) > 0";
        let found = rows(&place, capture, statement);
        let found: BTreeMap<(String, i64), i64> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (
                    (row["function"].as_str().unwrap().to_owned(), row["line"].as_i64().unwrap()),
                    row["bytes"].as_i64().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{capture}");
        assert!(found.len() > 1, "{capture}");
    }
}

#[test]
fn a_stack_is_followed_to_its_root_by_its_parents() {
    let place = Place::new();
    let statement = "with recursive up(stack, depth) as (
          select (select stack from sites order by peak_bytes desc, id limit 1), 0
          union all select parent, depth + 1 from up join stacks on stacks.id = up.stack where parent <> 0)
        select function from up join stacks on stacks.id = up.stack order by depth";
    let found = rows(&place, "v13-py3.11/items.bin", statement);
    let export = place.export("v13-py3.11/items.bin", &["--mode", "peak"]);
    let names = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["function"].as_str().unwrap().to_owned()).collect()
    };
    let found = names(&found);
    // The export leaves out what lies above the tracker.
    let is_of = |stack: &&Value| found.starts_with(&names(&stack["frames"]));
    let stack =
        export["stacks"].as_array().unwrap().iter().filter(is_of).max_by_key(|stack| names(&stack["frames"]).len());
    assert!(names(&stack.unwrap()["frames"]).len() > 2, "{found:?}");
}

#[test]
fn an_index_file_is_asked_where_its_capture_is_not() {
    let place = Place::new();
    place.run_on("v13-py3.13/items.bin", &["index", "FILE", "-o", "items.mvidx"]);
    let said = place.run(&["sql", "items.mvidx", "select count(*) as n from snapshots", "--format", "csv"]);
    assert_eq!((said.out.as_str(), said.code), ("n\r\n10\r\n", 0), "{}", said.err);
}

#[test]
fn nothing_but_reading_is_allowed() {
    let place = Place::new();
    place.run_on("v13-py3.13/items.bin", &["index", "FILE", "-o", "items.mvidx"]);
    let before = std::fs::read(place.path("items.mvidx")).unwrap();
    for statement in [
        "attach 'other.db' as other",
        "insert into sites values (1)",
        "update main.sites set data = 0",
        "delete from main.names",
        "drop table main.names",
        "create table t (a)",
        "create temp table t (a)",
        "pragma query_only = off",
        "pragma writable_schema = on",
        "vacuum into 'other.db'",
        "select load_extension('x')",
        "begin",
        "select 1; delete from main.names",
        "",
        "selec 1",
    ] {
        let said = place.run(&["sql", "items.mvidx", statement]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{statement}: {}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{statement}: {}", said.err);
    }
    assert!(!place.path("other.db").exists());
    assert!(std::fs::read(place.path("items.mvidx")).unwrap() == before);
}

#[test]
fn ctrl_c_ends_a_statement_without_end() {
    let place = Place::new();
    let statement = "with recursive counts(n) as (select 1 union all select n + 1 from counts) select n from counts";
    let mut command = place.command();
    command.arg("sql").arg(capture_path("v13-py3.13/items.bin")).args([statement, "--format", "csv"]);
    // A shell that runs the tests in the background has it ignored.
    // SAFETY: only a system call, between fork and exec.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Once rows come, it is at work. They are read on, so that it never waits for us.
    let mut out = child.stdout.take().unwrap();
    let mut byte = [0];
    std::io::Read::read_exact(&mut out, &mut byte).unwrap();
    let reader = std::thread::Builder::new().name("reader".to_owned());
    let reader = reader.spawn(move || std::io::copy(&mut out, &mut std::io::sink())).unwrap();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    };
    reader.join().unwrap().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGINT));
}

#[test]
fn a_statement_comes_from_standard_input_and_the_schema_can_be_run_through() {
    let place = Place::new();
    let schema = place.run(&["sql", "--schema"]);
    assert_eq!(schema.code, 0);
    for table in ["threads", "locations", "stacks", "sites", "snapshots", "lifetimes", "temporary"] {
        assert!(schema.out.contains(&format!("CREATE TEMP VIEW {table} AS")), "{table}");
        let count = format!("select count(*) >= 0 as ok from {table}");
        assert_eq!(rows(&place, "v13-py3.13/threads_aggregated.bin", &count), json!([{ "ok": 1 }]), "{table}");
    }
    let mut command = place.command();
    command.arg("sql").arg(capture_path("v13-py3.13/items.bin")).args(["-", "--format", "csv"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"select 'a,b' as x, null as y").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "x,y\r\n\"a,b\",\r\n");
}

#[test]
fn a_query_in_the_background_leaves_ctrl_c_to_others() {
    let place = Place::new();
    let mut command = place.command();
    command.arg("sql").arg(capture_path("v13-py3.13/items.bin"));
    // SAFETY: only a system call, between fork and exec.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, || {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            Ok(())
        });
    }
    // A million rows are more than a pipe holds, so it is at work when it is told.
    let statement = "with recursive counts(n) as (select 1 union all select n + 1 from counts limit 1000000) \
                     select n from counts";
    let mut child = command.args([statement, "--format", "csv"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0];
    std::io::Read::read_exact(&mut out, &mut first).unwrap();
    let told = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
    assert!(rest.ends_with("\r\n1000000\r\n"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_statement_with_a_zero_byte_is_refused_whole() {
    let place = Place::new();
    let mut command = place.command();
    command.arg("sql").arg(capture_path("v13-py3.13/items.bin"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"select 1 as x\0; delete from main.names").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()));
}
