// SPDX-License-Identifier: Apache-2.0
//! Pictures drawn without a display.

use crate::driver::capture;
use memray_index::OpenOptions;
use memray_ui::settings::ThemeChoice;
use memray_ui::{Picture, ScreenshotOptions, UiError, screenshot};

fn draw(theme: ThemeChoice, pixels_per_point: f32) -> Picture {
    screenshot(&ScreenshotOptions {
        path: Some(capture("v13-py3.13/items.bin")),
        open: OpenOptions { no_cache: true, ..OpenOptions::default() },
        size_points: [720, 480],
        pixels_per_point,
        theme,
        ..ScreenshotOptions::default()
    })
    .unwrap()
}

#[test]
fn two_pictures_of_one_capture_are_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["a.png", "b.png"].map(|name| {
        let path = folder.path().join(name);
        draw(ThemeChoice::Dark, 1.0).write_png(&path).unwrap();
        std::fs::read(path).unwrap()
    });
    assert!(files[0] == files[1]);
}

#[test]
fn a_picture_has_the_size_and_the_theme_that_were_asked_for() {
    let dark = draw(ThemeChoice::Dark, 1.0);
    let light = draw(ThemeChoice::Light, 2.0);
    assert_eq!((dark.width_px, dark.height_px, dark.rgb.len()), (720, 480, 720 * 480 * 3));
    assert_eq!((light.width_px, light.height_px), (1440, 960));
    let mean = |picture: &Picture| {
        picture.rgb.iter().map(|channel| u64::from(*channel)).sum::<u64>() / picture.rgb.len() as u64
    };
    assert!(mean(&dark) < 70, "{}", mean(&dark));
    assert!(mean(&light) > 200, "{}", mean(&light));
}

#[test]
fn a_picture_larger_than_any_screen_is_refused_before_anything_is_drawn() {
    let options =
        ScreenshotOptions { size_points: [4000, 4000], pixels_per_point: 8.0, ..ScreenshotOptions::default() };
    assert!(matches!(screenshot(&options), Err(UiError::PictureTooLarge(268, 33))));
}

#[test]
fn a_file_that_is_not_there_is_an_error_and_no_picture() {
    let options = ScreenshotOptions { path: Some(capture("no such file.bin")), ..ScreenshotOptions::default() };
    assert!(matches!(screenshot(&options), Err(UiError::Open(_))));
}
