# SPDX-License-Identifier: Apache-2.0
"""The captures that are measured. Each is made when it is first asked for, and kept."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Captures:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def json_100m(self):
        """memray's own recording of 120 M allocations and frees."""
        return self._record("json_100m.bin", "json_churn.py")

    def roundtrip_100m(self):
        """The same of another program: more than 100 M records."""
        return self._record("roundtrip_100m.bin", "json_roundtrip.py")

    def json_10_mb(self):
        return self._record("json_10mb.bin", "json_churn.py", ["--documents", "500"])

    def large(self, records, lz4=False):
        """Two million live allocations at most; one record in twenty begins a lifetime of its own."""
        return self._synthesize(f"large_{records}", ["--preset", "large", "--records", records], lz4)

    def pair_of_50m(self):
        """One generator, two seeds: other stacks, sizes and moments."""
        arguments = ["--preset", "large", "--records", 50_000_000]
        return [self._synthesize(f"pair_{seed}", [*arguments, "--seed", seed], False) for seed in (1, 2)]

    def million_nodes(self):
        return self._synthesize(
            "more_than_a_million_nodes", ["--preset", "large", "--records", 120_000_000, "--stacks", 2_200_000]
        )

    def lifetimes(self):
        return self._synthesize("lifetimes", ["--preset", "lifetimes", "--snapshots", 360_000, "--distinct", 10_000_000])

    def blocks(self, count):
        return self._synthesize(f"blocks_{count}", ["--preset", "blocks", "--count", count, "--size-bytes", 4096])

    def _record(self, name, program, arguments=()):
        def make(path):
            memray = [sys.executable, "-m", "memray", "run", "--quiet", "--force", "--trace-python-allocators"]
            subprocess.run([*memray, "--output", path, HERE / program, *arguments], check=True)

        return self._made(name, make)

    def _synthesize(self, name, arguments, lz4=False):
        def make(path):
            cargo = ["cargo", "run", "--quiet", "--locked", "--release", "-p", "memray-format", "--example"]
            arguments_and_form = [*map(str, arguments), *(["--lz4"] if lz4 else [])]
            subprocess.run([*cargo, "synthesize", "--", *arguments_and_form, "--output", path], check=True)

        return self._made(f"{name}.{'lz4' if lz4 else 'raw'}.bin", make)

    def _made(self, name, make):
        path = self.folder / name
        if not path.exists():
            free = shutil.disk_usage(self.folder).free
            print(f"making {path} ({free >> 30} GiB free)", file=sys.stderr)
            unfinished = path.with_suffix(".part")
            make(unfinished)
            unfinished.rename(path)
        return path
