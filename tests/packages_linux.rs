// SPDX-License-Identifier: Apache-2.0
//! What `scripts/build-packages` makes, installed as a user installs it: the Debian package into this very system, with what
//! its desktops then make of files; the tarball into a folder of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod cli_command;
#[allow(dead_code)] // what window_real needs besides
#[path = "window_real/display.rs"]
mod display;

use cli_command::{Place, binary};
use display::Display;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The packages, made once of the binary that all whole-program tests run.
static PACKAGES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // What is installed for debuggers is not what is tested here, and packs slowly.
    let stripped = folder.path().join("memray-view");
    run(Command::new("strip").arg("-o").arg(&stripped).arg(binary()));
    let packages = folder.path().join("packages");
    let script = root().join("scripts/build-packages");
    run(Command::new(script).arg("--command").arg(&stripped).arg("--quick").arg(&packages));
    folder
});

fn package(suffix: &str) -> PathBuf {
    let entries = fs::read_dir(PACKAGES.path().join("packages")).unwrap();
    let mut files = entries.map(|entry| entry.unwrap().path());
    files.find(|path| path.to_str().unwrap().ends_with(suffix)).unwrap()
}

/// What a command prints; it must succeed.
fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The package in the system, until it is dropped.
struct Installed;

impl Installed {
    fn new() -> Self {
        let before = fs::symlink_metadata("/usr/bin/memray-view");
        assert!(before.is_err(), "memray-view is installed here: the test would remove it");
        run(Command::new("dpkg").arg("--install").arg(package(".deb")));
        Self
    }

    fn files() -> BTreeSet<PathBuf> {
        run(Command::new("dpkg").args(["--listfiles", "memray-view"])).lines().map(PathBuf::from).collect()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = Command::new("dpkg").args(["--purge", "memray-view"]).stdout(Stdio::null()).status();
    }
}

/// Whether this user may install packages. Who may not is told so, and the rest is tested.
fn may_install() -> bool {
    // SAFETY: has no preconditions.
    let is_root = unsafe { libc::geteuid() } == 0;
    let has_dpkg = Command::new("dpkg").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_root || !has_dpkg {
        eprintln!("The Debian package was NOT installed: that takes Debian and its administrator.");
    }
    is_root && has_dpkg
}

/// The type that GIO finds for a file, and the one that xdg-utils ask GNOME for.
fn content_types(file: &Path) -> [String; 2] {
    let gio = run(Command::new("gio").args(["info", "--attributes", "standard::content-type"]).arg(file));
    let gio = gio.lines().find_map(|line| line.trim().strip_prefix("standard::content-type: ")).unwrap_or("none");
    let mut xdg_mime = Command::new("xdg-mime");
    let xdg = run(xdg_mime.args(["query", "filetype"]).arg(file).env("XDG_CURRENT_DESKTOP", "GNOME"));
    [gio.to_owned(), xdg.trim().to_owned()]
}

fn captures() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("tests/captures")).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.filter(|path| path.join("items.bin").exists()).flat_map(|folder| {
        ["items.bin", "items_raw.bin", "threads.bin", "numpy_native.bin", "nothing.bin"].map(|name| folder.join(name))
    });
    files.chain([root().join("resources/sample/orders.bin")]).collect()
}

#[test]
fn the_debian_package_opens_captures_by_a_double_click_and_leaves_nothing_behind() {
    if !may_install() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let others = [
        ("zeros.bin", vec![0; 4096]),
        ("elf.bin", fs::read("/bin/true").unwrap()),
        ("text.bin", b"memray is not enough".to_vec()),
        ("nearly.bin", b"memray".to_vec()),
    ]
    .map(|(name, content)| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    });
    let were = others.each_ref().map(|path| content_types(path));

    let installed = Installed::new();
    let files = Installed::files();
    assert!(files.contains(Path::new("/usr/share/applications/memray-view.desktop")));
    for page in ["for-memray-users.md", "double-click.md"] {
        assert!(files.contains(&Path::new("/usr/share/doc/memray-view").join(page)), "{page}");
    }
    let said = run(Command::new("/usr/bin/memray-view").arg("--version"));
    assert_eq!(said, format!("memray-view {VERSION}\n"));
    for capture in captures() {
        let expected = "application/x-memray-capture";
        assert_eq!(content_types(&capture), [expected, expected], "{}", capture.display());
    }
    // Others are what they were.
    assert_eq!(others.each_ref().map(|path| content_types(path)), were);

    let display = Display::start(1600, 1000);
    // A name that nobody gave to a window before.
    let capture = folder.path().join("a double click.bin");
    fs::copy(root().join("resources/sample/orders.bin"), &capture).unwrap();
    let place = Place::new();
    // It ends at once; the window keeps what it inherits.
    let opened = Command::new("gio")
        .arg("open")
        .arg(&capture)
        .env("DISPLAY", display.name())
        .env("XDG_CACHE_HOME", place.path("cache"))
        .env("XDG_CONFIG_HOME", place.path("config"))
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(opened.unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(60);
    let window = loop {
        let found = display.xdotool(&["search", "--name", "a double click.bin"]).filter(|found| !found.is_empty());
        if let Some(found) = found {
            break found;
        }
        assert!(Instant::now() < deadline, "no window");
        std::thread::sleep(Duration::from_millis(50));
    };
    display
        .xdotool(&["getwindowpid", window.lines().next().unwrap()])
        .map(|pid| Command::new("kill").arg(pid).status());

    drop(installed);
    let own = |path: &&PathBuf| path.to_str().unwrap().contains("memray-view");
    let left: Vec<_> = files.iter().filter(own).filter(|path| path.exists()).collect();
    assert_eq!(left, Vec::<&PathBuf>::new());
    assert_ne!(content_types(&capture)[0], "application/x-memray-capture");
}

#[test]
fn the_tarball_runs_where_it_lies_and_is_installed_and_taken_away_again() {
    let place = Place::new();
    run(Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(package(".tar.xz"))
        .arg("--directory")
        .arg(place.path("")));
    let folder = fs::read_dir(place.path("")).unwrap().next().unwrap().unwrap().path();
    let says = |command: &Path| run(Command::new(command).arg("--version"));
    assert_eq!(says(&folder.join("bin/memray-view")), format!("memray-view {VERSION}\n"));

    let prefix = place.path("prefix");
    run(Command::new(folder.join("install")).arg(&prefix));
    assert_eq!(says(&prefix.join("bin/memray-view")), format!("memray-view {VERSION}\n"));
    let man = prefix.join("share/man/man1/memray-view-run.1.gz");
    let page = run(Command::new("gzip").arg("--decompress").arg("--stdout").arg(man));
    assert!(page.contains("trace\\-python\\-allocators"), "{page}");
    run(Command::new(folder.join("uninstall")).arg(&prefix));
    let left = run(Command::new("find").arg(&prefix).args(["-mindepth", "2"]));
    assert_eq!(left, "", "nothing but bin and share, which others may use");
}

#[test]
fn shells_complete_what_the_command_line_has() {
    let complete = |words: &str| {
        let script = format!(
            "source <({} completions bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p memray-view | sed 's/.*-F \\([^ ]*\\).*/\\1/') memray-view \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            binary().display()
        );
        run(Command::new("bash").args(["-c", &script])).trim().to_owned()
    };
    assert_eq!(complete("memray-view sta"), "stats");
    assert_eq!(complete("memray-view run --follow"), "--follow-fork --follow-children");
    // Others read what is written for them.
    for (shell, begins, offers) in [
        ("zsh", "#compdef memray-view\n", "--follow-children["),
        ("fish", "# Print an optspec", "-n \"__fish_memray_view_using_subcommand run\" -l follow-children"),
    ] {
        let script = run(Command::new(binary()).args(["completions", shell]));
        assert!(script.starts_with(begins) && script.contains(offers), "{shell}: {}", script.lines().next().unwrap());
    }
}

#[test]
fn checksums_are_those_of_the_packages() {
    let folder = PACKAGES.path().join("packages");
    let said = run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(folder));
    assert_eq!(said.lines().filter(|line| line.ends_with(": OK")).count(), 2, "{said}");
}
