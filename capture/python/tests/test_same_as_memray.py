# SPDX-License-Identifier: Apache-2.0
"""One block, recorded by memray's tracker and by ours: each allocation that one has, the other has."""

import importlib.util
import json
import subprocess
import unittest
from pathlib import Path
from typing import Any

from recorded import PROGRAMS, PYTHON, InFolder

COMPARE = Path(__file__).resolve().parents[3] / "tests/tools/same_allocations.py"


@unittest.skipUnless(importlib.util.find_spec("memray"), "memray is not in this environment")
class SameAllocations(InFolder):
    def compared(self, mode: str) -> Any:
        block = str(PROGRAMS / "block.py")
        for module in ("memray_view", "memray"):
            subprocess.run([PYTHON, block, module, f"{module}.bin", mode], check=True)
        compare = [PYTHON, str(COMPARE), "memray_view.bin", "memray.bin", "--program", block]
        return json.loads(subprocess.run(compare, stdout=subprocess.PIPE, check=True).stdout)

    def assert_same(self, mode: str, at_least: int) -> None:
        found = self.compared(mode)
        self.assertGreater(found["ours"], at_least)
        self.assertGreaterEqual(found["in_both"] / found["ours"], 0.999, found)
        self.assertGreaterEqual(found["in_both"] / (found["theirs"] - found["memrays_own"]), 0.999, found)

    def test_by_default(self) -> None:
        self.assert_same("default", 20_000)

    def test_with_pythons_allocators(self) -> None:
        self.assert_same("python-allocators", 100_000)


if __name__ == "__main__":
    unittest.main()
