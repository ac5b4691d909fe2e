# SPDX-License-Identifier: Apache-2.0
"""The tracker in a process that is recorded already, or that ends within the block."""

import os
import subprocess
import types
import unittest
from pathlib import Path

import memray_view
from memray_view import _library, _settings
from recorded import PYTHON, InFolder, Recorded

WITHIN = 1_000_033

NEVER_LEFT = f"""
import atexit
import memray_view
atexit.register(lambda: bytes({WITHIN} - 33))
memray_view.Tracker("capture").__enter__()
"""

WITHIN_RUN = f"""
import atexit
import memray_view
atexit.register(lambda: bytes({WITHIN} - 33))
tracker = memray_view.Tracker("inner")
try:
    tracker.__enter__()
except RuntimeError as error:
    print(error)
"""


class Processes(InFolder):
    def test_a_block_that_is_never_left_ends_with_the_program(self) -> None:
        subprocess.run([PYTHON, "-c", NEVER_LEFT], check=True)
        recorded = Recorded(self.folder / "capture")
        self.assertTrue(recorded.is_complete)
        # Whoever registers after the tracer is called before it.
        self.assertEqual(recorded.of_size(WITHIN), [])

    def test_a_program_that_is_recorded_already_is_not_recorded_twice(self) -> None:
        settings = _settings.encode(
            {
                "path": str(self.folder / "outer").encode(),
                "shown_path": b"outer",
                "overwrites": False,
                "compresses": True,
                "traces_native": False,
                "aggregates": False,
                "traces_python_allocators": False,
                "follows_forks": False,
                "follows_children": False,
                "is_child": False,
                "uses_shortcut": True,
                "is_quiet": True,
                "memory_interval_us": 10_000,
            }
        )
        library = Path(memray_view.__file__).with_name("memray-view-tracer.so")
        environment = {**os.environ, "LD_PRELOAD": str(library), "MEMRAY_VIEW_TRACE": settings.decode()}
        program = [PYTHON, "-c", WITHIN_RUN]
        ended = subprocess.run(program, env=environment, stdout=subprocess.PIPE, universal_newlines=True, check=True)
        self.assertEqual(ended.stdout, "No more than one Tracker instance can be active at the same time\n")
        recorded = Recorded(self.folder / "outer")
        self.assertTrue(recorded.is_complete)
        # Whoever began to record says when it ends: after the program's own last words.
        self.assertEqual(len(recorded.of_size(WITHIN)), 1)

    def test_a_tracer_of_another_version_is_refused(self) -> None:
        library = types.SimpleNamespace(memray_view_version=lambda: b"9.9.9")
        with self.assertRaisesRegex(RuntimeError, "The tracer is of version 9.9.9, memray_view of version"):
            _library.TracerLibrary(library)  # type: ignore[arg-type]

    def test_the_packages_version_is_the_tracers(self) -> None:
        _library.tracer_library()
        self.assertRegex(memray_view.__version__, r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
