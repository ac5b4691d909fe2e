# SPDX-License-Identifier: Apache-2.0
"""Measures what recording costs, beside memray and plain Python, and writes docs/tracer-figures.md."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import suite
from page import write_page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/figures"))
from machine import machine  # noqa: E402

MODES = {"default": [], "python allocators": ["--trace-python-allocators"], "native": ["--native"]}


class Bench:
    def __init__(self, viewer, scratch, runs):
        self.viewer, self.scratch, self.runs = viewer, scratch, runs

    def once(self, who, options, program, more_environment=None):
        """Seconds inside the program, seconds of the whole process, bytes of the capture."""
        seconds, capture = self.scratch / "seconds", self.scratch / "capture.bin"
        seconds.unlink(missing_ok=True)
        capture.unlink(missing_ok=True)
        words = [str(word) for word in [program.path, *program.arguments]]
        record = ["--force", "--quiet", *options, "--output", str(capture), *words]
        command = {
            "plain": [sys.executable, *words],
            "memray": [sys.executable, "-m", "memray", "run", *record],
            "ours": [self.viewer, "run", "--python", sys.executable, *record],
        }[who]
        environment = {
            **os.environ,
            "PYTHONPATH": str(suite.HERE / "timing"),
            "TIMED_SECONDS": str(seconds),
            "TIMED_LOOPS": str(program.loops),
            **(more_environment or {}),
        }
        begun = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=self.scratch)
        wall_s = time.perf_counter() - begun
        inside_s = float(seconds.read_text().split()[-1]) if seconds.exists() else wall_s
        return inside_s, wall_s, capture.stat().st_size if capture.exists() else 0

    def ratios(self, program, options, without_shortcut=False):
        """Each turn runs the program in every way, and gives a ratio each; their median is taken. So what slows the
        machine down for a while, as others on it do, slows both sides of a ratio."""
        ways = ["plain", "memray", "ours"] + (["ours_walking"] if without_shortcut else [])
        turns = []
        for _ in range(self.runs):
            turn = {}
            for way in ways:
                walks = {"MEMRAY_VIEW_SHORTCUT": "0"} if way == "ours_walking" else None
                turn[way] = self.once(way.removesuffix("_walking"), options, program, walks)
            turns.append(turn)
        median = {way: [statistics.median(column) for column in zip(*(turn[way] for turn in turns))] for way in ways}
        row = {"name": program.name, "plain_s": median["plain"][0], "plain_wall_s": median["plain"][1]}
        for way in ways[1:]:
            row[way] = statistics.median(turn[way][0] / turn["plain"][0] for turn in turns)
            row[f"{way}_extra_wall_s"] = statistics.median(turn[way][1] - turn["plain"][1] for turn in turns)
            row[f"{way}_bytes"] = median[way][2]
        print(json.dumps(row), file=sys.stderr, flush=True)
        return row


def main():
    parser = argparse.ArgumentParser(prog="scripts/tracer-figures/run", description=__doc__)
    parser.add_argument("--viewer", required=True, help="the command to measure")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--modes", default="default,python allocators", help=f"of: {', '.join(MODES)}")
    parser.add_argument("--only", help="programs whose names contain this")
    parser.add_argument("--no-page", action="store_true", help="print, and leave the page")
    arguments = parser.parse_args()
    scratch = ROOT / "target/tracer-figures"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    bench = Bench(arguments.viewer, scratch, arguments.runs)

    def chosen(programs):
        return [program for program in programs if not arguments.only or arguments.only in program.name]

    results = {"machine": machine(), "runs": arguments.runs, "python": sys.version.split()[0], "modes": {}}
    for mode in arguments.modes.split(","):
        results["modes"][mode] = [bench.ratios(program, MODES[mode]) for program in chosen(suite.typical())]
    results["recursion"] = [bench.ratios(program, [], without_shortcut=True) for program in chosen(suite.recursions())]
    results["storm"] = [bench.ratios(program, []) for program in chosen(suite.storms(scratch))]
    results["start"] = [bench.ratios(program, []) for program in chosen([suite.nothing()])]
    (ROOT / "target/tracer-figures.json").write_text(json.dumps(results, indent=1))
    if not arguments.no_page:
        write_page(results, ROOT / "docs/tracer-figures.md")


if __name__ == "__main__":
    main()
