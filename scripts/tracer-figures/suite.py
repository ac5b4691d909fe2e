# SPDX-License-Identifier: Apache-2.0
"""The programs that the tracer is measured with, and how often each repeats its work: about a second untraced."""

import importlib.util
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Program:
    name: str
    path: Path
    arguments: list = field(default_factory=list)
    loops: int = 1


def pyperformance():
    """Of the Python project's own suite."""
    suite = Path(importlib.util.find_spec("pyperformance").origin).parent / "data-files/benchmarks"
    loops = {
        "deltablue": 150, "raytrace": 2, "json_dumps": 60, "json_loads": 2_000, "pickle": 3_000, "regex_effbot": 20,
        "nbody": 8, "go": 5, "hexiom": 100, "meteor_contest": 8, "async_tree": 1,
    }
    words = {"async_tree": ["none"], "pickle": ["pickle"]}
    return [
        Program(name, suite / f"bm_{name}/run_benchmark.py", words.get(name, []), count) for name, count in loops.items()
    ]


def typical():
    own = [Program("numpy and pandas", HERE / "programs/frames.py", [], 2), Program("imports", HERE / "programs/imports.py")]
    return pyperformance() + own


def recursions():
    return [Program(f"recursion of depth {depth}", HERE / "programs/recursion.py", [depth], 20) for depth in (50, 100, 200)]


def storms(scratch):
    library = scratch / "storm.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-pthread", "-o", library, HERE / "programs/storm.c"], check=True)
    return [Program(f"C threads: {n}", HERE / "programs/storm.py", [library, n], 10) for n in (1, 2, 4)]


def nothing():
    return Program("nothing", HERE / "programs/nothing.py")
