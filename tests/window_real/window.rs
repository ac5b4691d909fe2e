// SPDX-License-Identifier: Apache-2.0
//! The built program in a window of a display, driven by mouse and keyboard as a person would.

use crate::display::Display;
use crate::wait::{soon, until};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running memray-view; ended when dropped.
pub(crate) struct Window<'a> {
    display: &'a Display,
    id: String,
    process: Child,
    /// Its settings, its cache and its channel: a new user's, gone afterwards.
    home: tempfile::TempDir,
}

/// How a window looks when it opens.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// As the settings have it.
    pub(crate) theme: &'static str,
    pub(crate) size_points: [u32; 2],
    pub(crate) pixels_per_point: u32,
}

impl Default for Look {
    fn default() -> Self {
        Self { theme: "System", size_points: [1440, 900], pixels_per_point: 1 }
    }
}

impl<'a> Window<'a> {
    /// Opens a capture, and waits until its window is there and shows it.
    pub(crate) fn open(display: &'a Display, capture: &Path) -> Self {
        Self::open_as(display, capture, Look::default())
    }

    /// Opens a capture for somebody whose settings and screen are these.
    pub(crate) fn open_as(display: &'a Display, capture: &Path, look: Look) -> Self {
        Self::of(display, [capture.as_os_str()], &file_name(capture), "open", look)
    }

    /// Opens a capture on a desktop with such a bus.
    pub(crate) fn open_on_bus(display: &'a Display, capture: &Path, address: &str) -> Self {
        let bus = ("DBUS_SESSION_BUS_ADDRESS", address);
        Self::in_environment(display, [capture.as_os_str()], &file_name(capture), "open", Look::default(), Some(bus))
    }

    /// Opens the captures of a program's processes.
    pub(crate) fn open_processes(display: &'a Display, captures: &[PathBuf]) -> Self {
        let arguments = captures.iter().map(|capture| capture.as_os_str());
        Self::of(display, arguments, &format!("{} processes", captures.len()), "processes", Look::default())
    }

    /// Records a program into a capture, which is then opened as the command line asks.
    pub(crate) fn open_recorded(display: &'a Display, python: &OsStr, capture: &Path, program: &str) -> Self {
        let [run, open, python_option, output, command] = ["run", "--open", "--python", "-o", "-c"].map(OsStr::new);
        let arguments = [run, open, python_option, python, output, capture.as_os_str(), command, program.as_ref()];
        Self::of(display, arguments, &file_name(capture), "open", Look::default())
    }

    /// The window that the command opens when it is called so: with this title, on this page.
    fn of<'b>(
        display: &'a Display,
        arguments: impl IntoIterator<Item = &'b OsStr>,
        title: &str,
        page: &str,
        look: Look,
    ) -> Self {
        Self::in_environment(display, arguments, title, page, look, None)
    }

    fn in_environment<'b>(
        display: &'a Display,
        arguments: impl IntoIterator<Item = &'b OsStr>,
        title: &str,
        page: &str,
        look: Look,
        variable: Option<(&str, &str)>,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = home.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let settings = folder("config").join("memray-view/settings.json");
        std::fs::create_dir(settings.parent().unwrap()).unwrap();
        let settings_text = serde_json::json!({"theme": look.theme, "window_size": look.size_points}).to_string();
        std::fs::write(settings, settings_text).unwrap();
        let process = Command::new(binary())
            .args(arguments)
            .env("DISPLAY", display.name())
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", home.path())
            .env("XDG_CACHE_HOME", folder("cache"))
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_DATA_HOME", folder("data"))
            .env("XDG_RUNTIME_DIR", folder("run"))
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("WINIT_X11_SCALE_FACTOR", look.pixels_per_point.to_string())
            .env("MEMRAY_VIEW_TEST_CHANNEL", home.path().join("shown"))
            // What the person who runs the tests prefers is no matter.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .envs(variable)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut window = Self { display, id: String::new(), process, home };
        let title = format!("{title} — memray-view");
        window.id = until("the window", || {
            let ended = window.process.try_wait().unwrap();
            assert!(ended.is_none(), "memray-view ended: {}", ended.unwrap());
            // xdotool finds nothing by a pattern that is not ASCII, but gives the whole name.
            let found = display.xdotool(&["search", "--onlyvisible", "--name", "memray-view$"])?;
            let id = found.lines().next()?;
            (display.xdotool(&["getwindowname", id])? == title).then(|| id.to_owned())
        });
        window.shown("the capture, told by a binary with the feature test-channel", |shown| shown["page"] == page);
        window
    }

    /// What it shows once all answers are there and `is_it` holds.
    pub(crate) fn shown(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.now().filter(|shown| is_settled(shown) && is_it(shown)))
    }

    /// Does something until it shows: a press that comes while the window is busy may be lost, as a person's may.
    pub(crate) fn act(&self, what: &str, act: impl Fn(&Self), is_it: impl Fn(&Value) -> bool) -> Value {
        until(what, || {
            act(self);
            soon(|| self.now().filter(|shown| is_settled(shown) && is_it(shown)))
        })
    }

    /// Where something is that the window names, from its corner: the share of its width at half its height.
    pub(crate) fn place_in(&self, name: &str, share: f64) -> (i32, i32) {
        let shown = self.shown(name, |shown| shown["places"][name].is_array());
        let [left, top, right, bottom] = [0, 1, 2, 3].map(|i| shown["places"][name][i].as_i64().unwrap() as i32);
        (left + (f64::from(right - left) * share) as i32, i32::midpoint(top, bottom))
    }

    /// The middle of something that the window names.
    pub(crate) fn place(&self, name: &str) -> (i32, i32) {
        self.place_in(name, 0.5)
    }

    /// The last whole line of the channel.
    fn now(&self) -> Option<Value> {
        let text = std::fs::read_to_string(self.home.path().join("shown")).ok()?;
        let whole = &text[..=text.rfind('\n')?];
        serde_json::from_str(whole.lines().next_back()?).ok()
    }

    /// Its X number.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Clicks, at pixels from the window's corner.
    pub(crate) fn click(&self, at: (i32, i32)) {
        self.move_to(at);
        self.input(&["click", "1"]);
    }

    /// Clicks twice.
    pub(crate) fn double_click(&self, at: (i32, i32)) {
        self.move_to(at);
        self.input(&["click", "--repeat", "2", "--delay", "60", "1"]);
    }

    /// Drags with the left button.
    pub(crate) fn drag(&self, from: (i32, i32), to: (i32, i32)) {
        self.move_to(from);
        self.input(&["mousedown", "1"]);
        self.sees("the button held", |shown| shown["pointer_is_down"] == true);
        self.move_to(((from.0 + to.0) / 2, (from.1 + to.1) / 2));
        self.move_to(to);
        self.input(&["mouseup", "1"]);
        self.sees("the button released", |shown| shown["pointer_is_down"] == false);
    }

    /// Presses a key, by its X name.
    pub(crate) fn key(&self, name: &str) {
        self.input(&["windowfocus", "--sync", &self.id, "key", name]);
    }

    /// Types text into what has the focus.
    pub(crate) fn type_text(&self, text: &str) {
        self.input(&["type", "--delay", "30", text]);
    }

    /// Moves the pointer, to pixels from the window's corner, and waits until the window has drawn a frame with it there:
    /// a press in the frame of the move is taken for another's.
    pub(crate) fn move_to(&self, (x, y): (i32, i32)) {
        let place = serde_json::json!([x, y]);
        until("the pointer", || {
            // Again where a window that has just opened was put elsewhere meanwhile.
            self.input(&["mousemove", "--window", &self.id, &x.to_string(), &y.to_string()]);
            soon(|| self.now().filter(|shown| shown["pointer"] == place))
        });
    }

    fn sees(&self, what: &str, is_it: impl Fn(&Value) -> bool) {
        until(what, || self.now().filter(|shown| is_it(shown)));
    }

    fn input(&self, arguments: &[&str]) {
        assert!(self.display.xdotool(arguments).is_some(), "xdotool {arguments:?} failed");
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_settled(shown: &Value) -> bool {
    shown["is_settled"] == true
}

/// The name under which a capture is listed.
fn file_name(capture: &Path) -> String {
    capture.file_name().unwrap().to_string_lossy().into_owned()
}

/// The optimised binary that `scripts/test` builds.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MEMRAY_VIEW_BIN").expect("MEMRAY_VIEW_BIN must name a binary: scripts/test builds it").into()
}
