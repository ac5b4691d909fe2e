// SPDX-License-Identifier: Apache-2.0
//! The picture that `--screenshot` draws on the CPU, held against what the window shows on a display.

use crate::display::Display;
use crate::window::{Look, Window, binary};
use std::path::Path;
use std::process::Command;

/// The status bar says how long opening took, which no picture does.
const STATUS_BAR_POINTS: u32 = 40;
/// A driver rounds blends and triangle edges its own way; less than this is the same colour to any eye.
const TOLERANCE: u8 = 8;
/// Single pixels on the edges of slanted lines may differ: one in so many.
const ONE_DIFFERS_IN: usize = 2000;

/// Red, green and blue of every pixel, by ImageMagick; `None` where it is of another size, as a window is that has just
/// opened.
fn pixels(program: &str, arguments: &[&str], display: &Display, size_px: [u32; 2]) -> Option<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .args(["-depth", "8", "rgb:-"])
        .env("DISPLAY", display.name())
        .output()
        .expect("ImageMagick must be installed: scripts/test does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.stdout.len() == (size_px[0] * size_px[1] * 3) as usize).then_some(output.stdout)
}

/// Draws a capture without a display.
fn draw(capture: &Path, picture: &Path, look: Look, theme: &str) {
    let status = Command::new(binary())
        .arg(capture)
        .arg("--screenshot")
        .arg(picture)
        .arg("--size")
        .arg(look.size_points.map(|side| side.to_string()).join("x"))
        .args(["--pixels-per-point", &look.pixels_per_point.to_string(), "--theme", theme, "--no-cache"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .status()
        .unwrap();
    assert!(status.success());
}

/// Holds a picture in this theme against a window that looks so.
fn hold_against_window(look: Look, theme: &str) {
    let display = crate::screen();
    let capture = crate::sample();
    let window = Window::open_as(&display, &capture, look);
    // An empty place of the menu bar, where nothing is under the pointer.
    let scale = look.pixels_per_point as i32;
    window.move_to((350 * scale, 12 * scale));
    window.shown("the peak", |shown| shown["mode"] == "Peak" && shown["headline"].is_string());
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("picture.png");
    draw(&capture, &picture, look, theme);
    let size_px = look.size_points.map(|side| side * look.pixels_per_point);
    let drawn = pixels("convert", &[picture.to_str().unwrap()], &display, size_px).expect("the size asked for");
    let compared = (size_px[0] * (size_px[1] - STATUS_BAR_POINTS * look.pixels_per_point)) as usize;
    let different = |shown: &[u8]| {
        let pairs = shown.chunks_exact(3).zip(drawn.chunks_exact(3)).take(compared);
        pairs.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > TOLERANCE)).count()
    };
    crate::wait::until("a window like the picture", || {
        let count = different(&pixels("import", &["-window", window.id()], &display, size_px)?);
        (count <= compared / ONE_DIFFERS_IN).then_some(())
    });
}

#[test]
fn a_picture_is_what_the_window_shows() {
    // No desktop on this display says that it is light.
    hold_against_window(Look::default(), "dark");
}

#[test]
fn a_light_picture_is_what_a_light_window_shows() {
    hold_against_window(Look { theme: "Light", ..Look::default() }, "light");
}

#[test]
fn a_picture_of_two_pixels_a_point_is_what_a_dense_screen_shows() {
    hold_against_window(Look { theme: "Dark", size_points: [760, 480], pixels_per_point: 2 }, "dark");
}
