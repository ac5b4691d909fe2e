# SPDX-License-Identifier: Apache-2.0
"""Results to docs/tracer-figures.md."""

import statistics

HEAD = """<!-- Written by scripts/tracer-figures/run; do not edit. -->
# What recording costs

Measured by `scripts/tracer-figures/run`: the time inside the program, over plain Python's, side by side with memray in
turns: of each turn the ratio, and of {runs} turns the median.

"""


def table(rows):
    lines = ["| program | plain, s | memray | memray-view | capture, memray | capture, memray-view |", "|---|---|---|---|---|---|"]
    for row in rows:
        sizes = [f"{row[f'{who}_bytes'] / 1000:,.0f} kB" for who in ("memray", "ours")]
        lines.append(f"| {row['name']} | {row['plain_s']:.2f} | {row['memray']:.2f} | {row['ours']:.2f} | {sizes[0]} | {sizes[1]} |")
    return "\n".join(lines)


def recursion_table(rows):
    lines = ["| program | plain, s | memray | memray-view | without its shortcut |", "|---|---|---|---|---|"]
    for row in rows:
        ratios = [f"{row[way]:.2f}" for way in ("memray", "ours", "ours_walking")]
        lines.append(f"| {row['name']} | {row['plain_s']:.2f} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def summary(rows):
    means = {who: statistics.geometric_mean(row[who] for row in rows) for who in ("memray", "ours")}
    worst = max(rows, key=lambda row: row["ours"])
    large = [row["ours_bytes"] / row["memray_bytes"] for row in rows if row["memray_bytes"] > 1_000_000]
    sizes = f" Captures above 1 MB are {statistics.mean(large):.2f} times as large as memray's on average, {max(large):.2f} at most." if large else ""
    return (
        f"Geometric mean: memray-view {means['ours']:.2f}, memray {means['memray']:.2f}. "
        f"Worst: {worst['ours']:.2f} ({worst['name']}).{sizes}"
    )


def write_page(results, path):
    parts = [HEAD.format(runs=results.get("runs", 5))]
    parts.append("\n".join(f"- {key}: {value}" for key, value in results["machine"].items()) + "\n")
    parts.append(f"- interpreter: CPython {results['python']}\n")
    for mode, rows in results["modes"].items():
        parts.append(f"\n## Mode: {mode}\n\n{summary(rows)}\n\n{table(rows)}\n")
    parts.append(f"\n## Recursion that allocates at the bottom\n\n{recursion_table(results['recursion'])}\n")
    parts.append(f"\n## Threads of C that only allocate\n\n{table(results['storm'])}\n")
    for row in results["start"]:
        extra = {who: row[f"{who}_extra_wall_s"] for who in ("memray", "ours")}
        parts.append(
            f"\n## Start\n\nAn empty program takes {row['plain_wall_s']:.3f} s; under memray {extra['memray']:.3f} s more, "
            f"under memray-view {extra['ours']:.3f} s more.\n"
        )
    path.write_text("".join(parts))
