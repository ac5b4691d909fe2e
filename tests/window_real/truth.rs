// SPDX-License-Identifier: Apache-2.0
//! What memray itself says of a capture, asked while the test runs.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Bytes and allocations of the peak, of what leaked, of what a range left live, and of a function at the peak.
pub(crate) struct Truth(Value);

impl Truth {
    /// Asks memray, which `MEMRAY_PYTHON` has.
    pub(crate) fn of(capture: &Path, range: (u32, u32), function: &str) -> Self {
        let python =
            std::env::var_os("MEMRAY_PYTHON").expect("MEMRAY_PYTHON must name a Python: scripts/test makes it");
        let output = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/window_real/truth.py"))
            .arg(capture)
            .args([range.0.to_string(), range.1.to_string(), function.to_owned()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Bytes of one of them: `peak`, `leaked`, `range`, `function`.
    pub(crate) fn bytes(&self, which: &str) -> u64 {
        self.0[which]["bytes"].as_u64().unwrap()
    }

    /// Allocations of one of them.
    pub(crate) fn allocations(&self, which: &str) -> u64 {
        self.0[which]["allocations"].as_u64().unwrap()
    }
}
