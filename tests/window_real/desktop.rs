// SPDX-License-Identifier: Apache-2.0
//! The session's bus of a desktop for a test, with a portal that says whether the desktop is dark; gone when dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use zbus::blocking::{Connection, connection};
use zbus::fdo;
use zbus::zvariant::{OwnedValue, Value};

const PLACE: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";

/// A bus, and the portal on it.
pub(crate) struct Desktop {
    bus: Child,
    address: String,
    portal: Connection,
}

/// What the portal says it prefers.
struct Settings(&'static AtomicU32);

static PREFERRED: AtomicU32 = AtomicU32::new(0);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    fn read_one(&self, namespace: &str, key: &str) -> fdo::Result<OwnedValue> {
        match (namespace, key) {
            ("org.freedesktop.appearance", "color-scheme") => Ok(OwnedValue::from(self.0.load(Ordering::Relaxed))),
            _ => Err(fdo::Error::InvalidArgs("no such setting".to_owned())),
        }
    }
}

impl Desktop {
    /// One that prefers dark (1), light (2) or nothing (0).
    pub(crate) fn start(preferred: u32) -> Self {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon must be installed: scripts/test does it");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        PREFERRED.store(preferred, Ordering::Relaxed);
        let portal = connection::Builder::address(address.as_str())
            .and_then(|builder| builder.serve_at(PLACE, Settings(&PREFERRED))?.name("org.freedesktop.portal.Desktop"))
            .and_then(connection::Builder::build)
            .unwrap();
        Self { bus, address, portal }
    }

    /// Where the bus is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The user changes his mind.
    pub(crate) fn prefer(&self, preferred: u32) {
        PREFERRED.store(preferred, Ordering::Relaxed);
        let change = ("org.freedesktop.appearance", "color-scheme", Value::U32(preferred));
        self.portal.emit_signal(None::<&str>, PLACE, SETTINGS, "SettingChanged", &change).unwrap();
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}
