// SPDX-License-Identifier: Apache-2.0
//! The picture that `--screenshot` draws on the CPU, held against what the window shows on a display.

use crate::display::Display;
use crate::window::{Window, binary};
use std::path::Path;
use std::process::Command;

const WIDTH_PX: usize = 1440;
const HEIGHT_PX: usize = 900;
/// The status bar says how long opening took, which no picture does.
const COMPARED_ROWS: usize = HEIGHT_PX - 40;
/// A driver rounds blends and triangle edges its own way; less than this is the same colour to any eye.
const TOLERANCE: u8 = 8;
/// Single pixels on the edges of slanted lines may differ.
const MOST_DIFFERENT: usize = WIDTH_PX * COMPARED_ROWS / 2000;

/// Red, green and blue of every pixel, by ImageMagick; `None` where it is of another size, as a window is that has just
/// opened.
fn pixels(program: &str, arguments: &[&str], display: &Display) -> Option<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .args(["-depth", "8", "rgb:-"])
        .env("DISPLAY", display.name())
        .output()
        .expect("ImageMagick must be installed: scripts/test does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.stdout.len() == WIDTH_PX * HEIGHT_PX * 3).then_some(output.stdout)
}

/// Draws a capture without a display.
fn draw(capture: &Path, picture: &Path) {
    let status = Command::new(binary())
        .arg(capture)
        .arg("--screenshot")
        .arg(picture)
        .args(["--size", "1440x900", "--theme", "dark", "--no-cache"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_picture_is_what_the_window_shows() {
    let display = crate::screen();
    let capture = crate::sample();
    let window = Window::open(&display, &capture);
    // An empty place of the menu bar, where nothing is under the pointer.
    window.move_to((700, 12));
    window.shown("the peak", |shown| shown["mode"] == "Peak" && shown["headline"].is_string());
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("picture.png");
    draw(&capture, &picture);
    let drawn = pixels("convert", &[picture.to_str().unwrap()], &display).expect("a picture of the size asked for");
    let different = |shown: &[u8]| {
        let rows = WIDTH_PX * COMPARED_ROWS * 3;
        let pairs = shown[..rows].chunks_exact(3).zip(drawn[..rows].chunks_exact(3));
        pairs.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > TOLERANCE)).count()
    };
    crate::wait::until("a window like the picture", || {
        let count = different(&pixels("import", &["-window", window.id()], &display)?);
        (count <= MOST_DIFFERENT).then_some(())
    });
}
