// SPDX-License-Identifier: Apache-2.0
//! Whether the desktop is dark or light: [`SystemTheme`] asks it, and hears when that changes.
//!
//! The windowing library knows it on macOS and Windows. On Linux desktops say so through their portal, on the session's bus
//! (`org.freedesktop.portal.Settings`, `color-scheme` of `org.freedesktop.appearance`: 1 prefers dark, 2 light). It is asked
//! on a thread of its own, as a portal that has yet to start takes a while.

use egui::{Context, Theme};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What the desktop prefers, as far as it has said.
#[derive(Clone, Default)]
pub(super) struct SystemTheme(Arc<Told>);

#[derive(Default)]
struct Told {
    theme: Mutex<Option<Theme>>,
    /// To be drawn anew when it changes.
    context: OnceLock<Context>,
}

impl SystemTheme {
    /// Begins to ask.
    pub(super) fn watch() -> Self {
        let it = Self::default();
        #[cfg(target_os = "linux")]
        {
            let told = it.clone();
            // Without a thread, a bus or a portal nothing is known, and nothing else is amiss.
            let watch = move || drop(portal::watch(&told));
            drop(std::thread::Builder::new().name("memray-view theme".to_owned()).spawn(watch));
        }
        it
    }

    /// Has a window drawn anew when the desktop changes its mind.
    pub(super) fn redraws(&self, context: &Context) {
        let _ = self.0.context.set(context.clone());
    }

    /// What it prefers; `None` as long as it has not said, or does not mind.
    pub(super) fn theme(&self) -> Option<Theme> {
        *self.0.theme.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(target_os = "linux")]
    fn tell(&self, theme: Option<Theme>) {
        *self.0.theme.lock().unwrap_or_else(PoisonError::into_inner) = theme;
        if let Some(context) = self.0.context.get() {
            context.request_repaint();
        }
    }
}

#[cfg(target_os = "linux")]
mod portal {
    use super::SystemTheme;
    use egui::Theme;
    use zbus::blocking::{Proxy, connection};
    use zbus::zvariant::{OwnedValue, Value};

    const NAMESPACE: &str = "org.freedesktop.appearance";
    const KEY: &str = "color-scheme";

    /// Tells what the portal says, until the bus is gone.
    pub(super) fn watch(told: &SystemTheme) -> zbus::Result<()> {
        let bus = connection::Builder::session()?.build()?;
        let place = ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop");
        let settings = Proxy::new(&bus, place.0, place.1, "org.freedesktop.portal.Settings")?;
        // Before it is asked, so that no change is missed.
        let changes = settings.receive_signal("SettingChanged")?;
        let asked: zbus::Result<OwnedValue> = settings.call("ReadOne", &(NAMESPACE, KEY));
        // Portals from before 2023 only know the other.
        let asked = asked.or_else(|_| settings.call("Read", &(NAMESPACE, KEY)));
        if let Ok(value) = asked {
            told.tell(theme_of(&value));
        }
        for change in changes {
            let body = change.body();
            if let Ok((NAMESPACE, KEY, value)) = body.deserialize::<(&str, &str, Value<'_>)>() {
                told.tell(theme_of(&value));
            }
        }
        Ok(())
    }

    /// What a value of the setting says; `Read` wraps it once more.
    fn theme_of(value: &Value<'_>) -> Option<Theme> {
        match value {
            Value::U32(1) => Some(Theme::Dark),
            Value::U32(2) => Some(Theme::Light),
            Value::Value(inner) => theme_of(inner),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn one_is_dark_and_two_is_light_however_they_are_wrapped() {
            let said = |number: u32| theme_of(&Value::U32(number));
            assert_eq!([0, 1, 2, 3].map(said), [None, Some(Theme::Dark), Some(Theme::Light), None]);
            assert_eq!(theme_of(&Value::Value(Box::new(Value::U32(2)))), Some(Theme::Light));
            assert_eq!(theme_of(&Value::from("dark")), None);
        }
    }
}
