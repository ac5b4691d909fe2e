# SPDX-License-Identifier: Apache-2.0
"""One function a figure: it measures, and returns what the page shows."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from child import median_of, run


class Tools:
    """The programs that are measured, the captures, and how often."""

    def __init__(self, root, scratch, captures, runs, largest, profile):
        self.scratch, self.captures, self.runs, self.largest = scratch, captures, runs, largest
        self.root, self.profile = root, profile
        cargo = ["cargo", "build", "--quiet", "--locked", "--profile", profile]
        subprocess.run([*cargo, "--bin", "memray-view"], cwd=root, check=True)
        subprocess.run([*cargo, "-p", "memray-format", "--example", "decode_rate"], cwd=root, check=True)
        self.viewer = root / f"target/{profile}/memray-view"
        self.decode_rate = root / f"target/{profile}/examples/decode_rate"
        self.cache = {"XDG_CACHE_HOME": str(scratch / "cache")}

    def viewer_that_tells(self):
        """The program as whole-program tests run it: it writes a line when it has drawn itself."""
        cargo = ["cargo", "build", "--quiet", "--locked", "--profile", "ci", "--features", "test-channel"]
        subprocess.run([*cargo, "--bin", "memray-view"], cwd=self.root, check=True)
        return self.root / "target/ci/memray-view"

    def index(self, capture):
        """A fresh index in the cache each time: the last one may not help."""
        shutil.rmtree(self.scratch / "cache", ignore_errors=True)
        return [self.viewer, "index", capture]

    def built_index(self, capture):
        """The index as a file of its own."""
        file = self.scratch / f"{capture.name}.mvidx"
        if not file.exists():
            run([*self.index(capture), "--output", file], environment=self.cache)
        return file

    def flamegraph(self, capture):
        out = self.scratch / "flamegraph.html"
        return [sys.executable, "-m", "memray", "flamegraph", "--temporal", "--force", "--output", out, capture]

    def bench(self, name, *arguments):
        """A program of benches/, which measures itself and prints JSON on its last line."""
        command = ["cargo", "bench", "--quiet", "--locked", "--profile", self.profile, "--bench", name, "--", *arguments]
        return json.loads(run(command).output.strip().splitlines()[-1])


def index_speed(tools):
    """On two programs as unlike as may be, so that a figure does not stand for one of them only."""
    captures = {"json_churn.py": tools.captures.json_100m(), "json_roundtrip.py": tools.captures.roundtrip_100m()}
    return {"programs": {name: index_speed_of(tools, capture) for name, capture in captures.items()}}


def index_speed_of(tools, capture):
    medians = median_of(
        tools.runs,
        {
            "decode": [tools.decode_rate, capture],
            "index": lambda: tools.index(capture),
            "memray": tools.flamegraph(capture),
        },
        environment=tools.cache,
    )
    index, memray, decode = (medians[name] for name in ("index", "memray", "decode"))
    return {
        "decode_s": decode.wall_s,
        "index_s": index.wall_s,
        "memray_s": memray.wall_s,
        "times_as_fast": memray.wall_s / index.wall_s,
        "of_decoding": index.wall_s / decode.wall_s,
        "index_peak_bytes": index.peak_rss_bytes,
        "memray_peak_bytes": memray.peak_rss_bytes,
        "said": index.output.strip(),
    }


def index_size(tools):
    capture = tools.captures.json_100m()
    return {"capture_bytes": capture.stat().st_size, "index_bytes": tools.built_index(capture).stat().st_size}


def second_opening(tools):
    capture = tools.captures.json_100m()
    picture = [tools.viewer, capture, "--screenshot", tools.scratch / "shot.png"]
    run(picture, environment=tools.cache)
    return {"wall_s": median_of(tools.runs, {"it": picture}, environment=tools.cache)["it"].wall_s}


def headline(tools):
    capture = tools.captures.json_10_mb()

    def cold():
        shutil.rmtree(tools.scratch / "cache", ignore_errors=True)
        # Without a display the headline is what it prints first.
        return ["env", "--unset=DISPLAY", "--unset=WAYLAND_DISPLAY", tools.viewer, capture]

    medians = median_of(tools.runs, {"it": cold}, environment=tools.cache)
    return {"wall_s": medians["it"].wall_s, "capture_bytes": capture.stat().st_size}


def ranges(tools):
    return {
        name: tools.bench("ranges", tools.built_index(capture))
        for name, capture in {"json": tools.captures.json_100m(), "lifetimes": tools.captures.lifetimes()}.items()
    }


def frame(tools):
    return tools.bench("frame", tools.built_index(tools.captures.million_nodes()))


def compare(tools):
    """Two captures of other stacks: little of one is in the other, which is the most to show."""
    before, after = (tools.built_index(capture) for capture in tools.captures.pair_of_50m())
    return {**tools.bench("compare", before, after), "frame": tools.bench("frame", before, after)}


def start(tools):
    """From the process's start until its window's first pass has run, on a display without a graphics card."""
    viewer = tools.viewer_that_tells()
    channel = tools.scratch / "told"
    taken_s = []
    with display() as name:
        environment = {**os.environ, **tools.cache, "DISPLAY": name, "MEMRAY_VIEW_TEST_CHANNEL": str(channel)}
        environment.pop("WAYLAND_DISPLAY", None)
        for _ in range(tools.runs):
            channel.unlink(missing_ok=True)
            begun = time.perf_counter()
            with subprocess.Popen([viewer], env=environment, stderr=subprocess.DEVNULL) as process:
                while not channel.exists():
                    if process.poll() is not None:
                        raise SystemExit(f"{viewer} ended with {process.returncode}")
                    time.sleep(0.001)
                taken_s.append(time.perf_counter() - begun)
                process.kill()
    return {"wall_s": statistics.median(taken_s)}


def installed_start(tools):
    """The packages' sizes; and from the process's start until the window of the program from its tarball is shown, which is
    after its first pass.
    """
    packages, prefix = tools.scratch / "packages", tools.scratch / "installed"
    prefix.mkdir()
    subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--profile", "tracer", "-p", "memray-tracer"], cwd=tools.root, check=True
    )
    library = tools.viewer.parents[1] / "tracer/libmemray_tracer.so"
    build = [tools.root / "scripts/build-packages", "--command", tools.viewer, "--library", library, packages]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = packages.glob("*.tar.xz")
    sizes = {kind: next(packages.glob(f"*{kind}")).stat().st_size for kind in (".deb", ".tar.xz", ".whl")}
    subprocess.run(["tar", "--extract", "--file", tarball, "--directory", prefix, "--strip-components=1"], check=True)
    taken_s = []
    with display() as name:
        environment = {**os.environ, **tools.cache, "DISPLAY": name}
        environment.pop("WAYLAND_DISPLAY", None)
        for _ in range(tools.runs):
            # It says what happens to windows as it happens.
            watch = ["stdbuf", "--output=L", "xev", "-root", "-event", "substructure"]
            with subprocess.Popen(watch, env=environment, stdout=subprocess.PIPE, text=True) as watcher:
                # It cannot say since when it watches.
                time.sleep(0.5)
                begun = time.perf_counter()
                with subprocess.Popen([prefix / "bin/memray-view"], env=environment, stderr=subprocess.DEVNULL) as process:
                    next(line for line in watcher.stdout if line.startswith("MapNotify"))
                    taken_s.append(time.perf_counter() - begun)
                    process.kill()
                watcher.kill()
    return {"wall_s": statistics.median(taken_s), "sizes": sizes}


@contextlib.contextmanager
def display():
    """An X server of its own; its name."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
        server.terminate()


def bounded_memory(tools):
    whole, quarter = tools.largest, tools.largest // 4
    captures = {
        "whole": tools.captures.large(whole),
        "whole_lz4": tools.captures.large(whole, lz4=True),
        "quarter": tools.captures.large(quarter),
    }
    result = {"records": whole}
    for name, capture in captures.items():
        taken = run(tools.index(capture), environment=tools.cache)
        result[name] = {"wall_s": taken.wall_s, "peak_bytes": taken.peak_rss_bytes, "capture_bytes": capture.stat().st_size}
    return result


def memory_per_live_allocation(tools):
    """From a tenth to the whole, so that what does not depend on live allocations falls out."""
    counts = (500_000, 5_000_000)
    peaks = {}
    for count in counts:
        capture = tools.captures.blocks(count)
        command = {"it": lambda capture=capture: tools.index(capture)}
        peaks[count] = median_of(min(tools.runs, 3), command, environment=tools.cache)["it"].peak_rss_bytes
    file_bytes = {count: tools.captures.blocks(count).stat().st_size for count in counts}
    few, many = counts
    return {
        "live": many,
        "peak_bytes": peaks[many],
        "bytes_each": (peaks[many] - peaks[few]) / (many - few),
        "of_which_pages_of_the_file_at_most": (file_bytes[many] - file_bytes[few]) / (many - few),
    }


def scaling(tools):
    by_records = []
    for records in (tools.largest // 4**k for k in (5, 4, 3, 2, 1, 0)):
        capture = tools.captures.large(records)
        runs = tools.runs if records < 100_000_000 else 1
        taken = median_of(runs, {"it": lambda capture=capture: tools.index(capture)}, environment=tools.cache)["it"]
        by_records.append({"records": records, "wall_s": taken.wall_s, "peak_bytes": taken.peak_rss_bytes})
    capture = tools.captures.json_100m()
    by_cores = []
    for cores in (1, 2):
        command = {"it": lambda: tools.index(capture)}
        taken = median_of(tools.runs, command, environment=tools.cache, cores=cores)["it"]
        by_cores.append({"cores": cores, "wall_s": taken.wall_s})
    return {"by_records": by_records, "by_cores": by_cores}


ROWS = {
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
    "scaling": scaling,
}
