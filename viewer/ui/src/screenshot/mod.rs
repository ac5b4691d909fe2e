// SPDX-License-Identifier: Apache-2.0
//! A picture of the window, drawn on the CPU from egui's own meshes: it needs no display, no GPU and no driver, and two
//! runs give the same bytes.
//!
//! [`screenshot`] leads. The application is the same one that the window runs, put into a [`Studio`]: that waits until it
//! has all its answers, then lets it draw itself and draws the triangles.

mod canvas;
mod texture;

use crate::app::{App, AppOptions, Command};
use crate::error::UiError;
use crate::settings::ThemeChoice;
use canvas::Canvas;
use egui::{Color32, Context, FullOutput, RawInput, Rect, Theme, ViewportId, pos2, vec2};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use texture::Textures;

/// What to draw.
#[derive(Clone, Debug)]
pub struct ScreenshotOptions {
    /// The capture; the start page if `None`.
    pub path: Option<PathBuf>,
    /// The capture to compare it with, which comes after.
    pub compared_with: Option<PathBuf>,
    /// How to open it.
    pub open: memray_index::OpenOptions,
    /// Width and height in points.
    pub size_points: [u32; 2],
    /// Pixels a point: 2 on dense screens.
    pub pixels_per_point: f32,
    /// Dark or light; the system's choice is not asked for, dark stands for it.
    pub theme: ThemeChoice,
    /// How long to wait for the index and the answers.
    pub patience: Duration,
}

impl Default for ScreenshotOptions {
    fn default() -> Self {
        Self {
            path: None,
            compared_with: None,
            open: memray_index::OpenOptions::default(),
            size_points: [1440, 900],
            pixels_per_point: 1.0,
            theme: ThemeChoice::Dark,
            patience: Duration::from_secs(24 * 3600),
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width_px: usize,
    /// Pixels down.
    pub height_px: usize,
    /// Red, green and blue of each pixel, row by row from the top.
    pub rgb: Vec<u8>,
}

/// A picture has no more pixels than this: those of the largest screens, rounded up.
const MAX_PIXELS: usize = 1 << 25;
/// The largest width or height of a picture.
const MAX_SIDE_PX: f32 = 16_384.0;

/// Draws the window's content.
pub fn screenshot(options: &ScreenshotOptions) -> Result<Picture, UiError> {
    let mut studio = Studio::new(options);
    let pixels = studio.size_px[0].saturating_mul(studio.size_px[1]);
    if pixels > MAX_PIXELS {
        return Err(UiError::PictureTooLarge(pixels / 1_000_000, MAX_PIXELS / 1_000_000));
    }
    studio.settle()?;
    if let Some(message) = studio.app.failure() {
        return Err(UiError::Open(message.to_owned()));
    }
    Ok(studio.picture())
}

/// The application on an egui context without a window.
pub struct Studio {
    /// The application.
    pub app: App,
    context: Context,
    textures: Textures,
    size_px: [usize; 2],
    pixels_per_point: f32,
    theme: Theme,
    time_s: f64,
    deadline: Instant,
}

impl Studio {
    /// An application that begins to open what the options say.
    pub fn new(options: &ScreenshotOptions) -> Self {
        let context = Context::default();
        crate::style::install(&context);
        let theme = if options.theme == ThemeChoice::Light { Theme::Light } else { Theme::Dark };
        context.set_theme(theme);
        let app_options = AppOptions {
            path: options.path.clone(),
            compared_with: options.compared_with.clone(),
            open: options.open.clone(),
            theme: Some(options.theme),
            is_picture: true,
            ..AppOptions::default()
        };
        let pixels_per_point = options.pixels_per_point.clamp(0.5, 8.0);
        let pixels = |points: u32| (points as f32 * pixels_per_point).round().clamp(1.0, MAX_SIDE_PX) as usize;
        Self {
            app: App::new(app_options, &context),
            context,
            textures: Textures::default(),
            size_px: options.size_points.map(pixels),
            pixels_per_point,
            theme,
            time_s: 0.0,
            deadline: Instant::now() + options.patience,
        }
    }

    /// Waits for all answers.
    ///
    /// A view asks for what it shows while it is drawn, so: wait, draw, until drawing asks nothing new. Waiting draws
    /// nothing, so that a picture does not depend on how long it took.
    pub fn settle(&mut self) -> Result<(), UiError> {
        loop {
            while !self.app.is_settled(&self.context) {
                if Instant::now() >= self.deadline {
                    return Err(UiError::TookTooLong);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            // Several passes: sizes that depend on each other, and animations that end.
            for _ in 0..4 {
                drop(self.pass());
            }
            if self.app.is_settled(&self.context) {
                return Ok(());
            }
        }
    }

    /// Does what a command says.
    pub fn perform(&mut self, command: Command) {
        self.app.perform(command, &self.context);
    }

    fn pass(&mut self) -> FullOutput {
        let [width, height] = self.size_px.map(|side| side as f32 / self.pixels_per_point);
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height))),
            time: Some(self.time_s),
            focused: false,
            system_theme: Some(self.theme),
            max_texture_side: Some(8192),
            ..RawInput::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(self.pixels_per_point);
        }
        self.time_s += 10.0;
        let app = &mut self.app;
        let mut output = self.context.run_ui(input, |ui| app.ui(ui));
        self.textures.apply(std::mem::take(&mut output.textures_delta));
        output
    }

    /// Draws what is there now.
    pub fn picture(&mut self) -> Picture {
        let output = self.pass();
        let primitives = self.context.tessellate(output.shapes, output.pixels_per_point);
        let background = self.context.global_style().visuals.panel_fill.to_opaque();
        let [width, height] = self.size_px;
        let mut canvas = Canvas::new(width, height, background);
        canvas.draw(&primitives, &self.textures, output.pixels_per_point);
        Picture { width_px: width, height_px: height, rgb: canvas.pixels.iter().flat_map(rgb).collect() }
    }
}

fn rgb(colour: &Color32) -> [u8; 3] {
    [colour.r(), colour.g(), colour.b()]
}

impl Picture {
    /// Writes it as a PNG file.
    pub fn write_png(&self, path: &Path) -> Result<(), UiError> {
        let failed = |message: String| UiError::Write { path: path.to_owned(), message };
        let file = std::fs::File::create(path).map_err(|error| failed(error.to_string()))?;
        self.encode_png(std::io::BufWriter::new(file)).map_err(|error| failed(error.to_string()))
    }

    /// Writes it as PNG.
    pub(crate) fn encode_png(&self, out: impl std::io::Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(out, self.width_px as u32, self.height_px as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()
    }
}
