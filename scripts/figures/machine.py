# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def machine():
    cpu = next((line.split(":")[1].strip() for line in lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory_kib = next(int(line.split()[1]) for line in lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory_kib / 2**20:.0f} GiB",
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
        "rust": subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip(),
        "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip(),
        "peer": f"memray {importlib.metadata.version('memray')}, Python {platform.python_version()}",
    }


def lines(path):
    return Path(path).read_text().splitlines()
