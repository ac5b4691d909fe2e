# SPDX-License-Identifier: Apache-2.0
"""What the walk's shortcut must not be deceived by. Each is done from far down, too."""

import faulthandler
import gc
import os
import pickle
import sys
import traceback

from observed import check


def up_and_down(depth=120):
    """Checks at each level, on the way down and up."""
    check()
    if depth:
        up_and_down(depth - 1)
    check()


def descend(depth, function):
    return descend(depth - 1, function) if depth else function()


def fail():
    check()
    raise ValueError


def same_frames_from_two_lines():
    for depth in (5, 10, 20, 26, 27, 30, 60):
        for _ in range(3):
            descend(depth, check)
            descend(depth, check)
            descend(depth, check); descend(depth, check)


class Fails:
    """Its `__init__` fails, so that the frame before it ends by an exception."""

    def __init__(self, depth):
        descend(depth, fail)


def two_lines_that_fail(depth):
    try:
        Fails(depth)
    except ValueError:
        check()
    try:
        Fails(depth)
    except ValueError:
        pass


def another_that_fails(depth):
    try:
        Fails(depth)
    except ValueError:
        pass
    try:
        Fails(depth)
    except ValueError:
        check()


def initializers_that_fail():
    for _ in range(2):
        for depth in range(45):
            two_lines_that_fail(depth)
            another_that_fails(depth)
            descend(10, lambda: two_lines_that_fail(depth))


def unwinding_by_halves():
    def halves(depth, way):
        try:
            if depth:
                halves(depth - 1, way)
            else:
                fail()
        except ValueError:
            if depth % way:
                raise
            check()
            descend(depth // 2, check)
            if depth:
                raise
        finally:
            check()

    for way in (2, 7, 25):
        halves(60, way)


def tracing_on_and_off_far_down():
    def trace(frame, event, argument):
        # Up to 3.10 a frame that was traced says the line that it was at when tracing ended.
        return trace if sys.version_info >= (3, 11) else None

    def turns(depth):
        if depth % 10 == 0:
            sys.settrace(trace if depth % 20 == 0 else None)
        if depth % 15 == 0:
            sys.setprofile((lambda *_: None) if depth % 30 == 0 else None)
        check()
        if depth:
            turns(depth - 1)
        check()

    turns(60)
    sys.settrace(None)
    sys.setprofile(None)


def frames_that_are_looked_at():
    """While wires are strung in them: by the collector, tracebacks, `clear`, faulthandler, pickle."""
    kept = []

    def look(depth):
        local = [depth]
        if depth:
            check()
            look(depth - 1)
            return local
        check()
        frame = sys._getframe()
        while frame:
            kept.append(frame)
            gc.get_referents(frame)
            gc.get_objects()
            try:
                frame.clear()
            except RuntimeError:
                pass
            values = {name: value for name, value in frame.f_locals.items() if isinstance(value, (int, list))}
            pickle.loads(pickle.dumps({name: value for name, value in values.items() if name in ("depth", "local")}))
            frame = frame.f_back
        gc.collect()
        with open(os.devnull, "w") as nowhere:
            faulthandler.dump_traceback(nowhere, all_threads=True)
        check()
        raise KeyError

    for _ in range(2):
        try:
            look(50)
        except KeyError as error:
            check()
            traceback.format_exception(type(error), error, error.__traceback__)
            saved = error
        gc.collect()
        check()
        for frame in kept:
            repr(frame.f_lineno)
            try:
                frame.clear()
            except RuntimeError:
                pass
        kept.clear()
        del saved
        gc.collect()
    look_again = descend(40, sys._getframe)
    gc.collect()
    check()
    while look_again:
        gc.get_referents(look_again)
        look_again = look_again.f_back
