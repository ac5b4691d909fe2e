# SPDX-License-Identifier: Apache-2.0
"""Lets memray's own runner run a program without memray: what is recorded then by others has the same frames below it, the
same modules loaded before it and the same caches filled. Imported by Python at its start, in both runs that are compared.
"""
import contextlib
import os
import sysconfig

import memray.commands.run

if os.environ.pop("WITHOUT_MEMRAY", ""):
    # memray's tracker asks where packages lie.
    sysconfig.get_paths()
    memray.commands.run.Tracker = lambda *_, **__: contextlib.nullcontext()
