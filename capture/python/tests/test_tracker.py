# SPDX-License-Identifier: Apache-2.0
"""What the tracker records: the block, all of it, and nothing around it."""

import os
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Generator, List, Tuple

from memray_view import FileDestination, FileFormat, Tracker
from recorded import InFolder, Recorded, allocate

BEFORE, WITHIN, AFTER, CHILD = 1_000_011, 1_000_033, 1_000_055, 1_000_077


def record(capture: str) -> None:
    allocate(BEFORE)
    with Tracker(capture):
        allocate(WITHIN)
    allocate(AFTER)


def called_from(depth: int, capture: str) -> None:
    record(capture) if depth == 0 else called_from(depth - 1, capture)


def recording(capture: str) -> Generator[int, None, None]:
    with Tracker(capture):
        allocate(WITHIN)
        yield 1
        allocate(AFTER)
        yield 2


def descriptors_and_threads() -> Tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


class Blocks(InFolder):
    def assert_block(self, capture: str, stack: List[str]) -> None:
        recorded = Recorded(self.folder / capture)
        self.assertTrue(recorded.is_complete)
        self.assertEqual([it.stack for it in recorded.of_size(WITHIN)], [stack])
        self.assertEqual(recorded.of_size(BEFORE) + recorded.of_size(AFTER), [])
        self.assertEqual([it.thread for it in recorded.of_size(WITHIN)], [recorded.main_thread])

    def test_the_block_is_recorded_and_nothing_around_it(self) -> None:
        record("capture")
        self.assert_block("capture", ["allocate", "record"])

    def test_frames_above_the_tracker_are_left_out_at_any_depth(self) -> None:
        for depth in (0, 1, 200):
            with self.subTest(depth):
                called_from(depth, f"capture{depth}")
                self.assert_block(f"capture{depth}", ["allocate", "record"])

    def test_a_tracker_in_another_thread_leaves_out_the_frames_of_that_thread(self) -> None:
        thread = threading.Thread(target=called_from, args=(5, "capture"))
        thread.start()
        thread.join()
        self.assert_block("capture", ["allocate", "record"])

    def test_what_other_threads_do_meanwhile_is_recorded(self) -> None:
        with Tracker("capture"):
            thread = threading.Thread(target=allocate, args=(WITHIN,))
            thread.start()
            thread.join()
        recorded = Recorded(self.folder / "capture")
        (allocation,) = recorded.of_size(WITHIN)
        self.assertNotEqual(allocation.thread, recorded.main_thread)
        self.assertEqual(allocation.stack[0], "allocate")
        self.assertEqual(allocation.stack[-1], "_bootstrap")

    def test_an_exception_leaves_the_block_and_the_capture_is_complete(self) -> None:
        with self.assertRaisesRegex(ValueError, "mine"):
            with Tracker("capture"):
                allocate(WITHIN)
                raise ValueError("mine")
        allocate(AFTER)
        self.assert_block("capture", ["allocate", self._testMethodName])

    def test_a_generator_holds_the_block_open(self) -> None:
        generator = recording("capture")
        next(generator)
        allocate(CHILD)
        next(generator)
        generator.close()
        allocate(BEFORE)
        recorded = Recorded(self.folder / "capture")
        self.assertTrue(recorded.is_complete)
        for size in (WITHIN, AFTER):
            self.assertEqual([it.stack for it in recorded.of_size(size)], [["allocate", "recording"]])
        # Above the tracker there is nothing to be seen but what was called from there.
        self.assertEqual([it.stack for it in recorded.of_size(CHILD)], [["allocate"]])
        self.assertEqual(recorded.of_size(BEFORE), [])

    def test_one_tracker_after_the_other(self) -> None:
        before = descriptors_and_threads()
        for number in range(100):
            with Tracker(f"capture{number}", trace_python_allocators=number % 3 == 0):
                allocate(WITHIN + number)
        # The tracer's threads end a moment after it.
        deadline = time.monotonic() + 60
        while descriptors_and_threads() != before and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(descriptors_and_threads(), before)
        for number in (0, 1, 2, 50, 98, 99):
            recorded = Recorded(self.folder / f"capture{number}")
            self.assertTrue(recorded.is_complete)
            sizes = [it.size for it in recorded.allocations if it.size >= WITHIN]
            self.assertEqual(sizes, [WITHIN + number])
            self.assertEqual(recorded.main_thread, 1)
            of_python = {it.allocator for it in recorded.allocations if it.allocator.startswith("PYMALLOC")}
            self.assertEqual(bool(of_python), number % 3 == 0)

    def test_a_tracker_that_was_refused_can_be_entered_later(self) -> None:
        second = Tracker("second")
        with Tracker("first"):
            with self.assertRaises(RuntimeError):
                second.__enter__()
        with second:
            allocate(WITHIN)
        self.assert_block("second", ["allocate", self._testMethodName])


class Files(InFolder):
    def test_a_file_is_raw_or_compressed(self) -> None:
        for compresses, magic in ((True, b"\x04\x22\x4d\x18"), (False, b"memray\0")):
            with Tracker(destination=FileDestination("capture", overwrite=True, compress_on_exit=compresses)):
                allocate(WITHIN)
            self.assertEqual(Path("capture").read_bytes()[: len(magic)], magic)
            self.assertEqual(len(Recorded(self.folder / "capture").of_size(WITHIN)), 1)

    def test_a_file_of_sums_holds_what_is_live_and_where_it_came_from(self) -> None:
        for raw in (False, True):
            destination = FileDestination("capture", overwrite=True, compress_on_exit=not raw)
            with Tracker(destination=destination, file_format=FileFormat.AGGREGATED_ALLOCATIONS):
                kept = [bytes(WITHIN - sys.getsizeof(b"")) for _ in range(3)]
                allocate(CHILD)
            allocate(AFTER)
            recorded = Recorded(self.folder / "capture")
            self.assertTrue(recorded.is_complete)
            (sum_of_kept,) = recorded.of_size(len(kept) * WITHIN)
            self.assertIn(self._testMethodName, sum_of_kept.stack)
            self.assertEqual(sum_of_kept.thread, recorded.main_thread)
            self.assertEqual(recorded.of_size(CHILD) + recorded.of_size(AFTER), [])

    def test_native_stacks_are_recorded_when_that_is_asked_for(self) -> None:
        # A header: the name, two numbers of four bytes, then whether there are native stacks.
        flag = len(b"memray\0") + 4 + 4
        for native in (False, True):
            raw = FileDestination("capture", overwrite=True, compress_on_exit=False)
            with Tracker(destination=raw, native_traces=native):
                allocate(WITHIN)
            self.assertEqual(Path("capture").read_bytes()[flag], int(native))
            self.assertEqual(len(Recorded(self.folder / "capture").of_size(WITHIN)), 1)

    def test_the_file_is_there_with_the_tracker_and_where_it_was_then(self) -> None:
        tracker = Tracker(Path("capture"))
        self.assertEqual(os.path.getsize("capture"), 0)
        os.chdir("/")
        with tracker:
            allocate(WITHIN)
        self.assertEqual(len(Recorded(self.folder / "capture").of_size(WITHIN)), 1)

    def test_any_name_is_a_name(self) -> None:
        for name in ("{pid}", "a;path=b %41", os.fsdecode(b"\xff\xfe"), "ü\n"):
            with self.subTest(name):
                with Tracker(name):
                    allocate(WITHIN)
                self.assertEqual(os.listdir("."), [name])
                self.assertGreater(os.path.getsize(name), 0)
                os.unlink(name)

    def test_the_capture_says_what_the_program_was_called_with(self) -> None:
        old = sys.argv
        sys.argv = ["program.py", "--name=ü", "x y"]
        try:
            with Tracker("capture"):
                pass
        finally:
            sys.argv = old
        self.assertEqual(Recorded(self.folder / "capture").command_line, "program.py --name=ü x y")


class Forks(InFolder):
    def test_a_child_is_not_recorded_and_may_record_itself(self) -> None:
        with Tracker("capture"):
            pid = os.fork()
            allocate(WITHIN if pid else CHILD)
            if pid == 0:
                with Tracker("own"):
                    allocate(CHILD)
                os._exit(0)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
        recorded, own = Recorded(self.folder / "capture"), Recorded(self.folder / "own")
        self.assertEqual((len(recorded.of_size(WITHIN)), len(recorded.of_size(CHILD))), (1, 0))
        self.assertEqual((len(own.of_size(WITHIN)), len(own.of_size(CHILD))), (0, 1))
        self.assertTrue(recorded.is_complete and own.is_complete)
        self.assertEqual((recorded.pid, own.pid), (os.getpid(), pid))
        self.assertEqual(sorted(os.listdir(".")), ["capture", "own"])

    def test_a_child_that_is_followed_has_a_file_of_its_own(self) -> None:
        with Tracker("capture", follow_fork=True):
            pid = os.fork()
            allocate(WITHIN if pid else CHILD)
        if pid == 0:
            os._exit(0)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        recorded, child = Recorded(self.folder / "capture"), Recorded(self.folder / f"capture.{pid}")
        self.assertEqual((len(recorded.of_size(WITHIN)), len(recorded.of_size(CHILD))), (1, 0))
        self.assertEqual((len(child.of_size(WITHIN)), len(child.of_size(CHILD))), (0, 1))
        self.assertTrue(recorded.is_complete and child.is_complete)
        self.assertEqual(child.pid, pid)
        self.assertEqual([it.stack for it in child.of_size(CHILD)], [["allocate", self._testMethodName]])


if __name__ == "__main__":
    unittest.main()
