// SPDX-License-Identifier: Apache-2.0
//! The application in a window.

use super::system_theme::SystemTheme;
use super::{App, AppOptions};
use crate::error::UiError;
use crate::freed_memory::keep_freed_memory;
use crate::settings::{Settings, SettingsFile};
use crate::style;
use eframe::{CreationContext, NativeOptions};
use egui::{IconData, ViewportBuilder, vec2};
use memray_index::OpenOptions;
use memray_report::escape;
use std::path::{Path, PathBuf};

/// How the window starts.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The capture to open; the start page if `None`.
    pub path: Option<PathBuf>,
    /// The capture to compare it with, which comes after.
    pub compared_with: Option<PathBuf>,
    /// More files, to be opened with the first in tabs.
    pub further: Vec<PathBuf>,
    /// Whether they are processes of one program, whose memory is also summed.
    pub are_processes: bool,
    /// How captures are opened.
    pub open: OpenOptions,
    /// Remember nothing, and start as if nothing were remembered.
    pub forgets: bool,
}

/// The id by which desktops know the window; also the name of its desktop entry.
const APP_ID: &str = "memray-view";
const SIZE: [f32; 2] = [1440.0, 900.0];
const MIN_SIZE: [f32; 2] = [720.0, 480.0];

/// Opens the window, and returns when it is closed.
pub fn run(options: RunOptions) -> Result<(), UiError> {
    keep_freed_memory();
    // The first frame had better be in the right one.
    let system_theme = SystemTheme::watch();
    let settings_file = if options.forgets { None } else { SettingsFile::of_user() };
    let settings = settings_file.as_ref().map(SettingsFile::load).unwrap_or_default();
    let native = NativeOptions {
        viewport: viewport(options.path.as_deref(), options.compared_with.as_deref(), &settings),
        renderer: eframe::Renderer::Glow,
        // The settings file remembers the size, and nothing else of eframe's is worth keeping.
        persist_window: false,
        // Ours are installed with our fonts, for pictures too.
        system_font_fallback: false,
        ..NativeOptions::default()
    };
    let app_options = AppOptions {
        path: options.path,
        compared_with: options.compared_with,
        further: options.further,
        are_processes: options.are_processes,
        open: options.open,
        settings: settings_file,
        takes_drops: !is_wayland(),
        ..AppOptions::default()
    };
    let create = move |creation: &CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        style::install(&creation.egui_ctx);
        system_theme.redraws(&creation.egui_ctx);
        let mut app = App::new(app_options, &creation.egui_ctx);
        app.system_theme = system_theme;
        Ok(Box::new(Window { app }))
    };
    eframe::run_native(APP_ID, native, Box::new(create)).map_err(|error| UiError::Window(error.to_string()))
}

/// The window as it is made.
fn viewport(path: Option<&Path>, compared_with: Option<&Path>, settings: &Settings) -> ViewportBuilder {
    ViewportBuilder::default()
        .with_app_id(APP_ID)
        // It stands before the first frame, and before a byte of the capture is read.
        .with_title(title(path, compared_with))
        .with_inner_size(settings.usable_window_size().unwrap_or(SIZE))
        .with_min_inner_size(MIN_SIZE)
        .with_maximized(settings.is_maximised)
        .with_drag_and_drop(true)
        .with_icon(icon())
}

/// The window's title.
pub(super) fn title(path: Option<&Path>, compared_with: Option<&Path>) -> String {
    match (path, compared_with) {
        (Some(before), Some(after)) => {
            let [before, after] = names_apart([before, after]);
            titled(&format!("{before} → {after}"))
        }
        (Some(path), None) | (None, Some(path)) => titled(&file_name(path)),
        (None, None) => "memray-view".to_owned(),
    }
}

/// The title of a window on something.
pub(super) fn titled(what: &str) -> String {
    format!("{what} — memray-view")
}

/// A path's last part, fit to be shown.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    escape::shorten(&escape::visible(&name), 100).into_owned()
}

/// What two files are called beside each other: their last parts, and as many folders before them as tell them apart.
pub(super) fn names_apart(paths: [&Path; 2]) -> [String; 2] {
    let parts = paths.map(|path| path.components().rev().collect::<Vec<_>>());
    let same = parts[0].iter().zip(&parts[1]).take_while(|(before, after)| before == after).count();
    let is_one_file = paths[0] == paths[1];
    [0, 1].map(|side| {
        let count = if is_one_file { 1 } else { (same + 1).min(parts[side].len()) };
        let tail: PathBuf = parts[side].iter().take(count).rev().collect();
        escape::shorten(&escape::visible(&tail.to_string_lossy()), 100).into_owned()
    })
}

/// winit delivers no dropped files on Wayland.
fn is_wayland() -> bool {
    cfg!(target_os = "linux") && std::env::var_os("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty())
}

/// The window's icon; none if the picture were damaged.
fn icon() -> IconData {
    let picture = &include_bytes!("../../../../resources/icons/memray-view-128.png")[..];
    decode(picture).unwrap_or_default()
}

fn decode(picture: &[u8]) -> Option<IconData> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().ok()?;
    let mut rgba = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut rgba).ok()?;
    let is_rgba = (info.color_type, info.bit_depth) == (png::ColorType::Rgba, png::BitDepth::Eight);
    is_rgba.then_some(IconData { rgba, width: info.width, height: info.height })
}

struct Window {
    app: App,
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.app.ui(ui);
        let (size, is_maximised) = ui.input(|input| {
            let viewport = input.viewport();
            (viewport.inner_rect.map(|rect| rect.size()), viewport.maximized.unwrap_or(false))
        });
        let settings = self.app.settings_mut();
        settings.is_maximised = is_maximised;
        if let Some(size) = size.filter(|size| !is_maximised && size.min_elem() > 1.0) {
            let size = size.max(vec2(MIN_SIZE[0], MIN_SIZE[1]));
            settings.window_size = Some([size.x, size.y]);
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.app.save_settings();
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_can_be_read() {
        assert_eq!((icon().width, icon().height), (128, 128));
    }

    #[test]
    fn desktops_know_the_window_by_the_name_of_its_desktop_entry() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/linux/");
        let entry = std::fs::read_to_string(format!("{folder}{APP_ID}.desktop")).unwrap_or_default();
        assert!(entry.lines().any(|line| line == format!("StartupWMClass={APP_ID}")), "{entry}");
        assert!(entry.lines().any(|line| line == format!("Icon={APP_ID}")), "{entry}");
    }

    #[test]
    fn the_title_stands_before_the_capture_is_read() {
        let missing = Path::new("/no/such/folder/out.bin");
        let viewport = viewport(Some(missing), None, &Settings::default());
        assert_eq!(viewport.title.as_deref(), Some("out.bin — memray-view"));
        assert_eq!(viewport.app_id.as_deref(), Some(APP_ID));
        // And stays while it is.
        let options = AppOptions { path: Some(missing.to_owned()), ..AppOptions::default() };
        assert_eq!(App::new(options, &egui::Context::default()).title(), "out.bin — memray-view");
    }

    #[test]
    fn the_title_names_the_file_without_what_turns_text_around() {
        assert_eq!(title(Some(Path::new("/a/\u{202e}b.bin")), None), "\\u{202e}b.bin — memray-view");
        assert_eq!(title(Some(Path::new("/x/a.bin")), Some(Path::new("b.bin"))), "a.bin → b.bin — memray-view");
        assert_eq!(title(None, None), "memray-view");
    }

    #[test]
    fn two_files_of_one_name_are_told_apart_by_their_folders() {
        let names = |before, after| names_apart([Path::new(before), Path::new(after)]);
        assert_eq!(names("/x/a.bin", "b.bin"), ["a.bin", "b.bin"]);
        assert_eq!(names("/x/3.11/run/a.bin", "/x/3.13/run/a.bin"), ["3.11/run/a.bin", "3.13/run/a.bin"]);
        assert_eq!(names("a.bin", "/x/a.bin"), ["a.bin", "x/a.bin"]);
        assert_eq!(names("/x/a.bin", "/x/a.bin"), ["a.bin", "a.bin"]);
    }
}
