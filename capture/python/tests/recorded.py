# SPDX-License-Identifier: Apache-2.0
"""Captures as memray 1.20 reads them: :class:`Recorded`. The memray of ``MEMRAY_PYTHON`` does, as few interpreters have it."""

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, List, NamedTuple

# The interpreter for processes of the tests' own: not all can say how they were started.
PYTHON = os.environ.get("MEMRAY_VIEW_TEST_PYTHON", sys.executable)

PROGRAMS = Path(__file__).resolve().parent / "programs"


class Reader:
    """memray 1.20, in a process that reads one capture after the other."""

    def __init__(self) -> None:
        try:
            python = os.environ["MEMRAY_PYTHON"]
        except KeyError:
            raise RuntimeError("set MEMRAY_PYTHON to a Python that has memray 1.20") from None
        # What is set for the interpreter that is tested is not for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        program = [python, str(PROGRAMS / "read.py")]
        self._process = subprocess.Popen(
            program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
        )
        atexit.register(self._process.communicate)

    def read(self, capture: Path) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(str(capture)) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@functools.lru_cache(maxsize=None)
def reader() -> Reader:
    return Reader()


class Allocation(NamedTuple):
    thread: int
    size: int
    allocator: str
    stack: List[str]
    """Functions, innermost first, without those above the tracker."""


class Recorded:
    """What memray reads in a capture."""

    def __init__(self, capture: Path) -> None:
        read = reader().read(capture)
        self.allocations = [Allocation(*allocation) for allocation in read["allocations"]]
        self.command_line: str = read["command_line"]
        self.pid: int = read["pid"]
        self.main_thread: int = read["main_thread"]
        self.is_complete: bool = read["is_complete"]

    def of_size(self, size: int) -> List[Allocation]:
        return [allocation for allocation in self.allocations if allocation.size == size]


def allocate(size: int) -> None:
    """Allocates so many bytes, which stands in the capture as one allocation of that size."""
    bytes(size - sys.getsizeof(b""))


class InFolder(unittest.TestCase):
    """Tests in an empty folder of their own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.folder = Path(folder.name)
