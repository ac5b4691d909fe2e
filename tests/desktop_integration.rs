// SPDX-License-Identifier: Apache-2.0
//! What `packaging/linux/install` installs makes a double click on a capture open it, and on other files not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod cli_command;

use cli_command::binary;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn installed() -> tempfile::TempDir {
    let prefix = tempfile::tempdir().unwrap();
    let output =
        Command::new(root().join("packaging/linux/install")).arg(binary()).arg(prefix.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    prefix
}

/// The type that a desktop finds for a file.
fn content_type(prefix: &Path, file: &Path) -> String {
    let output = Command::new("gio")
        .args(["info", "--attributes", "standard::content-type"])
        .arg(file)
        .env("XDG_DATA_HOME", prefix.join("share"))
        .output()
        .expect("gio must be installed: scripts/test does it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.trim().strip_prefix("standard::content-type: ")).unwrap_or(&text).to_owned()
}

#[test]
fn captures_are_known_by_their_content_whatever_their_name() {
    let prefix = installed();
    let folder = tempfile::tempdir().unwrap();
    let compressed = std::fs::read(root().join("resources/sample/orders.bin")).unwrap();
    let mut stored = vec![0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 9, 0, 0, 0x80];
    stored.extend_from_slice(b"memray\0\x0d\0\0\0");
    let mut other_lz4 = compressed[..7].to_vec();
    other_lz4.extend_from_slice(&[5, 0, 0, 0x80, 1, 2, 3, 4, 5, 0, 0, 0, 0]);
    for (name, content, expected) in [
        ("out.bin", compressed.as_slice(), "application/x-memray-capture"),
        ("no_suffix", &compressed, "application/x-memray-capture"),
        ("raw.bin", b"memray\0\x0d\0\0\0", "application/x-memray-capture"),
        ("stored.bin", &stored, "application/x-memray-capture"),
        ("other.lz4", &other_lz4, "application/x-lz4"),
        ("text.bin", b"memray is not enough", "text/plain"),
        ("out.mvidx", b"SQLite format 3\0", "application/x-memray-view-index"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        assert_eq!(content_type(prefix.path(), &file), expected, "{name}");
    }
}

#[test]
fn the_desktop_entry_is_valid_and_names_an_icon_that_is_installed() {
    let prefix = installed();
    let entry = prefix.path().join("share/applications/memray-view.desktop");
    let output = Command::new("desktop-file-validate").arg(&entry).output().expect("scripts/test installs it");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(output.status.success());

    let text = std::fs::read_to_string(entry).unwrap();
    let icon = text.lines().find_map(|line| line.strip_prefix("Icon=")).unwrap();
    for size in [16, 24, 32, 48, 64, 128, 256, 512] {
        let file = prefix.path().join(format!("share/icons/hicolor/{size}x{size}/apps/{icon}.png"));
        let png = std::fs::read(file).unwrap();
        let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
        assert_eq!(width, size);
    }
}

#[test]
fn software_centres_can_read_what_it_is() {
    let prefix = installed();
    let output = Command::new("appstreamcli")
        // An id of the other form begins with a domain, and the project has none.
        .args(["validate", "--no-net", "--override=cid-desktopapp-is-not-rdns=info"])
        .arg(prefix.path().join("share/metainfo/memray-view.metainfo.xml"))
        .output()
        .expect("appstreamcli must be installed: scripts/test does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
