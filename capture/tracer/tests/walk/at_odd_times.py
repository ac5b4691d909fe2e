# SPDX-License-Identifier: Apache-2.0
"""Code that runs where nobody called it: in collections and traces."""

import gc
import sys

from functions import same
from observed import check


def collections():
    class Cycle:
        def __init__(self):
            self.self = self

        def __del__(self):
            check()

    for _ in range(20):
        Cycle()
    gc.collect()
    check()

    def on_collection(phase, _):
        check()

    gc.callbacks.append(on_collection)
    gc.set_threshold(5, 2, 2)
    try:
        kept = []
        for n in range(200):
            kept.append([n])
            # Making cells and generators allocates in frames that are not complete.
            (lambda: [n for _ in (1,)])()
            list(m for m in (1, n))
    finally:
        gc.set_threshold(700, 10, 10)
        gc.callbacks.remove(on_collection)


def traced():
    seen = []

    def trace(frame, event, argument):
        if frame.f_code.co_name == "same":
            seen.append(event)
            # Up to 3.10 a frame that has yet to begin is at no instruction; the format has no line for that.
            if event != "call" or sys.version_info >= (3, 11):
                check()
        return trace

    sys.settrace(trace)
    same()
    sys.settrace(None)
    sys.setprofile(lambda frame, event, argument: check() if event == "return" else None)
    same()
    sys.setprofile(None)
    assert "line" in seen
