# SPDX-License-Identifier: Apache-2.0
"""Stands in for pyperf, which pyperformance's programs measure themselves with: one process, no warm-up processes, a
fixed number of loops, and the seconds inside the program written to the file that TIMED_SECONDS names."""

import argparse
import asyncio
import os
import platform
import time

perf_counter = time.perf_counter


def python_implementation():
    return platform.python_implementation().lower()


def tell(seconds):
    with open(os.environ["TIMED_SECONDS"], "a") as file:
        print(seconds, file=file)


class Runner:
    def __init__(self, add_cmdline_args=None, **_):
        self.argparser = argparse.ArgumentParser()
        self.argparser.add_argument("--loops", type=int, default=int(os.environ.get("TIMED_LOOPS", "1")))
        self.metadata = {}
        self.args = None

    def parse_args(self, arguments=None):
        if self.args is None:
            self.args = self.argparser.parse_args(arguments)
        return self.args

    def bench_func(self, _name, function, *arguments, **_):
        loops = self.parse_args().loops
        start = perf_counter()
        for _ in range(loops):
            function(*arguments)
        tell(perf_counter() - start)

    def bench_time_func(self, _name, function, *arguments, **_):
        tell(function(self.parse_args().loops, *arguments))

    def bench_async_func(self, _name, function, *arguments, loop_factory=None, **_):
        loops = self.parse_args().loops

        async def main():
            start = perf_counter()
            for _ in range(loops):
                await function(*arguments)
            return perf_counter() - start

        if loop_factory is None:
            tell(asyncio.run(main()))
        else:
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                tell(runner.run(main()))
