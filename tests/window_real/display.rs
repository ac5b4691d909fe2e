// SPDX-License-Identifier: Apache-2.0
//! A display of its own for a test: Xvfb on a free number with a window manager on it, gone when dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One display at a time: servers that start together may choose the same number, and a window that shares the cores
/// with another misses more of what is done to it.
static TURN: Mutex<()> = Mutex::new(());

/// A running X server that shows nothing to anybody.
pub(crate) struct Display {
    name: String,
    server: Child,
    window_manager: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Display {
    /// Starts one. Panics with what is missing if it cannot.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24"), "-nolisten", "tcp"])
            // Else it starts anew, and throws everybody out, whenever its last client leaves.
            .arg("-noreset")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb must be installed; scripts/test does it");
        // The server writes its number once it takes connections, so there is nothing to poll for.
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        assert!(name.len() > 1, "Xvfb did not start");
        // Without a window manager nothing has the keyboard's focus.
        let window_manager = Command::new("openbox")
            .args(["--sm-disable", "--config-file", "/dev/null"])
            .env("DISPLAY", &name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox must be installed: scripts/test does it");
        Self { name, server, window_manager, _turn: turn }
    }

    /// What `DISPLAY` is set to for it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs xdotool on it and returns what it prints, or `None` where it finds nothing.
    pub(crate) fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        self.run("xdotool", arguments)
    }

    /// What another program would paste, if anything was copied.
    pub(crate) fn clipboard(&self) -> Option<String> {
        self.run("xclip", &["-o", "-selection", "clipboard"])
    }

    /// Runs a program on it and returns what it prints, or `None` where it fails.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program)
            .args(arguments)
            .env("DISPLAY", &self.name)
            .output()
            .unwrap_or_else(|error| panic!("{program} must be installed ({error}): scripts/test does it"));
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for child in [&mut self.window_manager, &mut self.server] {
            // Asked, not killed: a killed server leaves its lock behind, and the next one on that number cannot be reached.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}
