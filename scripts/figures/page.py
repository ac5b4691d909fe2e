# SPDX-License-Identifier: Apache-2.0
"""Writes docs/figures.md and its plot from the results."""

MIB = 2**20


def write_page(results, folder):
    folder.mkdir(exist_ok=True)
    parts = [HEAD, machine_text(results.get("machine", {})), table(results)]
    if "scaling" in results:
        plot(results["scaling"], folder / "figures.svg")
        parts += [PLOT, scaling_text(results["scaling"])]
    (folder / "figures.md").write_text("\n\n".join(parts) + "\n")


HEAD = """<!-- Written by scripts/figures/run; do not edit. -->
# Figures

Measured by `scripts/figures/run`, side by side with memray in one run; each the median of five unless it says
otherwise. Memory is the process's high-water mark (`VmHWM`), pages of mapped files included."""

PLOT = """## How it grows

![Time and memory of indexing over the number of records](figures.svg)"""


def machine_text(machine):
    return "\n".join(f"- {name}: {value}" for name, value in machine.items())


def table(results):
    lines = ["| what | measured | asked for | holds |", "|---|---|---|---|"]
    for name, describe in DESCRIPTIONS.items():
        if name in results:
            for what, measured, asked, holds in describe(results[name]):
                lines.append(f"| {what} | {measured} | {asked} | {'yes' if holds else 'no'} |")
        else:
            lines.append(f"| {name} | not measured | | |")
    return "\n".join(lines)


def index_speed(it):
    programs = it["programs"]

    def of_each(describe):
        return "; ".join(f"`{name}`: {describe(taken)}" for name, taken in programs.items())

    yield (
        "`memray-view index` on captures of more than 100 M records of two programs, against "
        "`memray flamegraph --temporal`; the lesser ratio counts",
        of_each(lambda t: f"{t['index_s']:.2f} s against {t['memray_s']:.1f} s: {t['times_as_fast']:.1f} times as fast"),
        "25 times",
        min(taken["times_as_fast"] for taken in programs.values()) >= 25,
    )
    yield (
        "the same, against decompressing and decoding alone; the greater ratio counts",
        of_each(lambda t: f"{t['index_s']:.2f} s against {t['decode_s']:.2f} s: {t['of_decoding']:.2f} times"),
        "2.5 times",
        max(taken["of_decoding"] for taken in programs.values()) <= 2.5,
    )
    yield (
        "its memory, against memray's",
        of_each(lambda t: f"{t['index_peak_bytes'] / MIB:.0f} MiB against {t['memray_peak_bytes'] / MIB:.0f} MiB"),
        "",
        True,
    )


def index_size(it):
    yield (
        "index file of `json_churn.py`'s capture, against its LZ4 size",
        f"{it['index_bytes'] / MIB:.1f} MiB against {it['capture_bytes'] / MIB:.1f} MiB",
        "no larger",
        it["index_bytes"] <= it["capture_bytes"],
    )


def second_opening(it):
    what = "second opening of it, to the first full picture (whole process, drawn on the CPU)"
    yield what, f"{it['wall_s']:.3f} s", "0.3 s", it["wall_s"] <= 0.3


def start(it):
    what = "start to the first UI pass, in a window of a display without a graphics card"
    yield what, f"{it['wall_s']:.3f} s", "0.2 s", it["wall_s"] <= 0.2


def installed_start(it):
    what = "the same of the program from its tarball, until its window is shown"
    yield what, f"{it['wall_s']:.3f} s", "", True
    if "sizes" not in it:
        return
    sizes = (f"{it['sizes'][kind] / MIB:.1f} MiB" for kind in (".deb", ".tar.xz", ".whl"))
    yield "packages for this processor: Debian's, tarball, wheel", ", ".join(sizes), "", True


def headline(it):
    what = f"a capture of {it['capture_bytes'] / MIB:.1f} MiB to its headline, cold"
    yield what, f"{it['wall_s']:.3f} s", "0.5 s", it["wall_s"] <= 0.5


def ranges(it):
    names = {"json": "any range on it", "lifetimes": "any range on 360,000 snapshots and 10 M distinct lifetimes"}
    for name, taken in it.items():
        measured = f"median {taken['median_ms']:.1f} ms, slowest {taken['slowest_ms']:.1f} ms of {taken['asked']}"
        yield names[name], measured, "50 ms", taken["slowest_ms"] <= 50


def frame(it):
    measured = f"median {it['median_ms']:.2f} ms, slowest zoom {it['slowest_ms']:.2f} ms"
    yield f"UI pass and tessellation, call tree of {it['nodes']:,} nodes", measured, "8 ms", it["slowest_ms"] <= 8


def compare(it):
    what = f"two captures of {it['records'] / 2e6:.0f} M records each, indexed: to the first comparison, {it['nodes']:,} nodes"
    yield what, f"{it['first_ms'] / 1000:.2f} s", "1 s", it["first_ms"] <= 1000
    measured = f"median {it['median_ms']:.0f} ms, slowest {it['slowest_ms']:.0f} ms of {it['changes']}"
    yield "a change of mode or range in it", measured, "100 ms", it["slowest_ms"] <= 100
    taken = it["frame"]
    measured = f"median {taken['median_ms']:.2f} ms, slowest zoom {taken['slowest_ms']:.2f} ms"
    yield "UI pass and tessellation of its window", measured, "12 ms", taken["slowest_ms"] <= 12


def bounded_memory(it):
    quarter = it["quarter"]["peak_bytes"]
    for name in ("whole", "whole_lz4"):
        taken = it[name]
        form = "LZ4" if name.endswith("lz4") else "raw"
        yield (
            f"{it['records']:,} records ({form}, {taken['capture_bytes'] / 1e9:.2f} GB), one run: memory",
            f"{taken['peak_bytes'] / 1e6:.0f} MB, {taken['peak_bytes'] / quarter:.2f} of what a quarter of it took; "
            f"{taken['wall_s']:.1f} s",
            "1 GB; 1.2",
            taken["peak_bytes"] <= 1e9 and taken["peak_bytes"] <= 1.2 * quarter,
        )


def memory_per_live_allocation(it):
    what = f"{it['live']:,} live blocks of 4 KiB: memory for each (the mapped file's pages included)"
    yield what, f"{it['bytes_each']:.1f} bytes", "64 bytes", it["bytes_each"] <= 64


DESCRIPTIONS = {
    "index_speed": index_speed,
    "index_size": index_size,
    "second_opening": second_opening,
    "start": start,
    "installed_start": installed_start,
    "headline": headline,
    "ranges": ranges,
    "frame": frame,
    "compare": compare,
    "bounded_memory": bounded_memory,
    "memory_per_live_allocation": memory_per_live_allocation,
}


def scaling_text(it):
    lines = ["| records | time | records a second | memory |", "|---|---|---|---|"]
    for row in it["by_records"]:
        rate = row["records"] / row["wall_s"] / 1e6
        lines.append(f"| {row['records']:,} | {row['wall_s']:.2f} s | {rate:.1f} M | {row['peak_bytes'] / MIB:.0f} MiB |")
    lines += ["", "| cores | time on 120 M allocations and frees |", "|---|---|"]
    lines += [f"| {row['cores']} | {row['wall_s']:.2f} s |" for row in it["by_cores"]]
    return "\n".join(lines)


def plot(scaling, path):
    import matplotlib

    matplotlib.use("svg")
    # The same results give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "figures"
    from matplotlib import pyplot

    rows = scaling["by_records"]
    records = [row["records"] for row in rows]
    figure, (time_axis, memory_axis) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    time_axis.loglog(records, [row["wall_s"] for row in rows], marker="o")
    time_axis.set(title="Time to index", xlabel="records", ylabel="seconds")
    memory_axis.semilogx(records, [row["peak_bytes"] / MIB for row in rows], marker="o")
    memory_axis.set(title="Memory (VmHWM)", xlabel="records", ylabel="MiB")
    memory_axis.set_ylim(bottom=0)
    for axis in (time_axis, memory_axis):
        axis.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
