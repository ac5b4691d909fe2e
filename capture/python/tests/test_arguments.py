# SPDX-License-Identifier: Apache-2.0
"""What the tracker refuses, and how: as memray's, where memray is there to be asked."""

import contextlib
import importlib.util
import os
import sys
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple, Type

import memray_view
from recorded import InFolder

EXACTLY_ONE = "Exactly one of 'file_name' or 'destination' argument must be specified"
EXISTS = (
    "Output file there already exists. Memray can overwrite it with the --force CLI argument or the overwrite=True API "
    "argument."
)
ONE_AT_A_TIME = "No more than one Tracker instance can be active at the same time"
USED = "Attempting to use stale output handle"

Refusal = Tuple[Type[BaseException], Optional[str]]
Case = Tuple[Callable[[Any], object], Refusal]


def nested(m: Any) -> None:
    with m.Tracker("outer"):
        with m.Tracker("inner"):
            pass


def entered_twice(m: Any) -> None:
    tracker = m.Tracker("capture")
    with tracker:
        with tracker:
            pass


def used_twice(m: Any) -> None:
    tracker = m.Tracker("capture")
    with tracker:
        pass
    with tracker:
        pass


def over_a_generator(m: Any) -> None:
    def recording() -> Any:
        with m.Tracker("outer"):
            yield

    generator = recording()
    next(generator)
    with contextlib.closing(generator), m.Tracker("inner"):
        pass


CASES: Dict[str, Case] = {
    "nothing to write to": (lambda m: m.Tracker(), (TypeError, EXACTLY_ONE)),
    "two to write to": (lambda m: m.Tracker("a", destination=m.FileDestination("b")), (TypeError, EXACTLY_ONE)),
    "two by position": (lambda m: m.Tracker("a", m.FileDestination("b")), (TypeError, None)),
    "an unknown option": (lambda m: m.Tracker("a", level=1), (TypeError, None)),
    "a path as destination": (lambda m: m.Tracker(destination="a"), (TypeError, None)),
    "a number as name": (lambda m: m.Tracker(5), (TypeError, "expected str, bytes or os.PathLike object, not int")),
    "bytes as name": (lambda m: m.Tracker(b"a"), (TypeError, None)),
    "a NUL in the name": (lambda m: m.Tracker("a\0b"), (ValueError, None)),
    "an interval below zero": (
        lambda m: m.Tracker("a", memory_interval_ms=-1),
        (OverflowError, "can't convert negative value to unsigned int"),
    ),
    "an interval beyond 32 bits": (
        lambda m: m.Tracker("a", memory_interval_ms=2**32),
        (OverflowError, "value too large to convert to unsigned int"),
    ),
    "a text as interval": (lambda m: m.Tracker("a", memory_interval_ms="1"), (TypeError, "an integer is required")),
    "no interval": (lambda m: m.Tracker("a", memory_interval_ms=None), (TypeError, "an integer is required")),
    "a text as format": (lambda m: m.Tracker("a", file_format="x"), (TypeError, "an integer is required")),
    "a format that is none": (
        lambda m: m.Tracker("a", file_format=5),
        (RuntimeError, "Invalid file format enumerator"),
    ),
    "a file that is there": (lambda m: m.Tracker("there"), (OSError, EXISTS)),
    "a file that is there, as destination": (
        lambda m: m.Tracker(destination=m.FileDestination("there")),
        (OSError, EXISTS),
    ),
    "no folder": (
        lambda m: m.Tracker("nowhere/a"),
        (OSError, "Could not create output file nowhere/a: No such file or directory"),
    ),
    "a folder as file": (
        lambda m: m.Tracker(destination=m.FileDestination("/", overwrite=True)),
        (OSError, "Could not create output file /: Is a directory"),
    ),
    "an empty name": (lambda m: m.Tracker(""), (OSError, "Could not create output file : No such file or directory")),
    "a second tracker": (nested, (RuntimeError, ONE_AT_A_TIME)),
    "a second tracker, over a generator": (over_a_generator, (RuntimeError, ONE_AT_A_TIME)),
    "a tracker within itself": (entered_twice, (RuntimeError, ONE_AT_A_TIME)),
    "a tracker again": (used_twice, (RuntimeError, USED)),
}


class Refusals(InFolder):
    def refused(self, module: Any, make: Callable[[Any], object]) -> Refusal:
        for old in self.folder.iterdir():
            old.unlink()
        Path("there").write_text("what was there")
        try:
            make(module)
        except BaseException as error:
            self.assertEqual(Path("there").read_text(), "what was there")
            return type(error), str(error)
        self.fail("it was not refused")

    def assert_refused(self, module: Any, name: str) -> None:
        for case, (make, (kind, message)) in CASES.items():
            with self.subTest(case):
                found_kind, found_message = self.refused(module, make)
                self.assertIs(found_kind, kind)
                if message is not None:
                    self.assertEqual(found_message, message.replace("Memray", name))

    def test_what_is_refused(self) -> None:
        self.assert_refused(memray_view, "memray-view")

    @unittest.skipUnless(importlib.util.find_spec("memray"), "memray is not in this environment")
    def test_memray_refuses_the_same(self) -> None:
        self.assert_refused(importlib.import_module("memray"), "Memray")

    def test_what_is_not_there_yet_is_said(self) -> None:
        destination = memray_view.FileDestination("a", buffered=True)
        with self.assertRaises(NotImplementedError):
            memray_view.Tracker(destination=destination)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_lifetimes_are_refused_as_by_memray_where_python_is_too_old(self) -> None:
        with self.assertRaises(RuntimeError) as raised:
            memray_view.Tracker("a", track_object_lifetimes=True)
        if sys.version_info < (3, 13, 3):
            self.assertTrue(str(raised.exception).startswith("Python object reference tracking requires Python 3.13.3"))
        else:
            self.assertIsInstance(raised.exception, NotImplementedError)

    def test_a_tracker_that_does_not_record_stops_no_other(self) -> None:
        other = memray_view.Tracker("other")
        with memray_view.Tracker("capture"):
            other.__exit__(None, None, None)
            with self.assertRaises(RuntimeError):
                other.__enter__()

    def test_a_file_that_vanished_is_made_again_and_a_folder_that_did_is_an_error(self) -> None:
        Path("folder").mkdir()
        tracker = memray_view.Tracker("folder/capture")
        os.unlink("folder/capture")
        Path("folder").rmdir()
        with self.assertRaises(OSError) as raised:
            tracker.__enter__()
        self.assertTrue(str(raised.exception).startswith("Could not create output file "))


class Values(unittest.TestCase):
    def test_destinations_are_values(self) -> None:
        destination = memray_view.FileDestination("a")
        self.assertEqual(
            repr(destination), "FileDestination(path='a', overwrite=False, compress_on_exit=True, buffered=False)"
        )
        self.assertEqual(destination, memray_view.FileDestination("a"))
        with self.assertRaises(AttributeError):
            destination.path = "b"  # type: ignore[misc]

    def test_formats_have_memrays_numbers(self) -> None:
        formats = [(it.name, it.value) for it in memray_view.FileFormat]
        self.assertEqual(formats, [("ALL_ALLOCATIONS", 0), ("AGGREGATED_ALLOCATIONS", 1)])


if __name__ == "__main__":
    unittest.main()
