# SPDX-License-Identifier: Apache-2.0
"""Measures the figures and writes docs/figures.md. Results are kept as they come, so that a row can be done again."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from captures import Captures
from machine import machine
from page import write_page
from rows import ROWS, Tools

ROOT = Path(__file__).resolve().parents[2]


def main():
    parser = argparse.ArgumentParser(prog="scripts/figures/run", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="take the median of that many (default: 5)")
    parser.add_argument("--only", help=f"comma-separated, of: {', '.join(ROWS)}")
    parser.add_argument("--captures", type=Path, default=ROOT / "target/figures/captures", help="where captures are kept")
    parser.add_argument("--page-only", action="store_true", help="write the page from the results at hand")
    parser.add_argument("--largest", type=int, default=1_000_000_000, help="records of the largest synthetic capture")
    parser.add_argument("--profile", default="release", help="what is built and measured (default: release)")
    arguments = parser.parse_args()

    chosen = arguments.only.split(",") if arguments.only else list(ROWS)
    if unknown := set(chosen) - set(ROWS):
        parser.error(f"no such figure: {', '.join(unknown)}")
    results_path = ROOT / "target/figures/results.json"
    results = json.loads(results_path.read_text()) if results_path.exists() else {}
    if not arguments.page_only:
        scratch = ROOT / "target/figures/scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        tools = Tools(ROOT, scratch, Captures(arguments.captures), arguments.runs, arguments.largest, arguments.profile)
        results["machine"] = machine()
        for name in chosen:
            print(f"{name} ...", file=sys.stderr, flush=True)
            results[name] = ROWS[name](tools)
            print(json.dumps(results[name], indent=2), file=sys.stderr, flush=True)
            results_path.write_text(json.dumps(results, indent=2))
    write_page(results, ROOT / "docs")


if __name__ == "__main__":
    main()
