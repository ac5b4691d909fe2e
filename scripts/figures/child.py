# SPDX-License-Identifier: Apache-2.0
"""Runs a program and says how long it took and how much memory it held."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Run:
    wall_s: float
    # VmHWM: pages of mapped files included. Never below some 20 MB, which this process had when it forked.
    peak_rss_bytes: int
    output: str


def run(command, cores=None, environment=None):
    """Runs it once to its end; fails loudly if it does. `cores`: how many it may use."""
    if cores is not None:
        command = ["taskset", "--cpu-list", f"0-{cores - 1}", *command]
    command = [str(part) for part in command]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        text=True,
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    return Run(wall_s, usage.ru_maxrss * 1024, output)


def median_of(runs, commands, **options):
    """Runs several commands in turn, `runs` times, so that all meet the same machine; a median run for each."""
    taken = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(run(command() if callable(command) else command, **options))
    return {name: median_run(runs_of_it) for name, runs_of_it in taken.items()}


def median_run(runs):
    return Run(
        statistics.median(run.wall_s for run in runs),
        int(statistics.median(run.peak_rss_bytes for run in runs)),
        runs[-1].output,
    )
