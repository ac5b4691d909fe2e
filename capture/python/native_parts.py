# SPDX-License-Identifier: Apache-2.0
"""What scripts/build-wheel puts into the wheel: parts that cargo has built, named by environment variables.

The tracer is the package's data, and so are the licences of what tracer and command carry of others. The command goes where
pip puts commands.
"""

import os
from typing import Any, Dict

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeParts(BuildHookInterface):
    """Hatchling calls this before it packs the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        library = os.environ.get("MEMRAY_VIEW_TRACER_LIBRARY")
        if not library:
            raise RuntimeError("MEMRAY_VIEW_TRACER_LIBRARY names no tracer; scripts/build-wheel builds this package")
        build_data["pure_python"] = False
        # One library for all versions of CPython. scripts/build-wheel then narrows the platform to what it really needs.
        build_data["tag"] = f"py3-none-linux_{os.uname().machine}"
        build_data["force_include"][library] = "memray_view/memray-view-tracer.so"
        notices = os.environ.get("MEMRAY_VIEW_NOTICES")
        if notices:
            build_data["force_include"][notices] = "memray_view/third-party-notices.txt"
        command = os.environ.get("MEMRAY_VIEW_COMMAND")
        if command:
            build_data["shared_scripts"][command] = "memray-view"
