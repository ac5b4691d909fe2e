# SPDX-License-Identifier: Apache-2.0
"""The calling thread's stack, as the tracer has it and as Python has it, one held against the other."""

import ctypes
import sys
import threading
import traceback

library = ctypes.PyDLL(sys.argv[1])
library.memray_view_walk_begin.restype = ctypes.c_char_p
library.memray_view_walk.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
library.memray_view_walk.restype = ctypes.c_ssize_t
library.memray_view_walk_deaths.restype = ctypes.c_uint64
library.memray_view_walk_wrong_layouts_accepted.restype = ctypes.c_char_p
library.memray_view_walk_find_ns.restype = ctypes.c_uint64
library.memray_view_walk_observe_ns.argtypes = [ctypes.c_uint64]
library.memray_view_walk_observe_ns.restype = ctypes.c_uint64
library.memray_view_walk_compare.argtypes = [ctypes.c_bool]
library.memray_view_walk_compare.restype = ctypes.c_char_p
library.memray_view_walk_use_shortcut.argtypes = [ctypes.c_bool]
library.memray_view_walk_use_shortcut.restype = None
library.memray_view_walk_shortcuts.restype = ctypes.c_uint64
library.memray_view_walk_thread.restype = ctypes.c_uint64
library.memray_view_is_watched.restype = ctypes.c_bool
library.memray_view_events.argtypes = [ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
library.memray_view_events.restype = ctypes.c_size_t

CAPACITY = 1 << 21
buffers = threading.local()
checks = 0
deepest = 0
# Whether each allocation is an observation, so that one is enough of a check.
each_is_observed = False


def tracers_stack():
    """The stack as a capture would have it, outermost first."""
    if not hasattr(buffers, "buffer"):
        buffers.buffer = ctypes.create_string_buffer(CAPACITY)
    length = library.memray_view_walk(buffers.buffer, CAPACITY)
    text = ctypes.string_at(buffers.buffer, min(abs(length), CAPACITY))
    assert length >= 0, text.decode()
    fields = text.split(b"\0")[:-1]
    frames = zip(fields[0::3], fields[1::3], fields[2::3])
    return [(name.decode(), file.decode(), int(line)) for name, file, line in frames]


def pythons_stack(frame):
    """The stack as Python has it, outermost first."""
    stack = [(f.f_code.co_name, f.f_code.co_filename, line) for f, line in traceback.walk_stack(frame)]
    return [tuple(part.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if isinstance(part, str) else part
                  for part in frame) for frame in reversed(stack)]


def check():
    """Holds one against the other, up to the caller; what is below is this file's."""
    global checks, deepest
    if each_is_observed:
        return bytearray(1)
    ours = tracers_stack()[:-2]
    theirs = pythons_stack(sys._getframe(1))
    # One lone surrogate is one replacement for us and three for UTF-8's decoder.
    plain = lambda stack: [(n, f.replace("\ufffd\ufffd\ufffd", "\ufffd"), l) for n, f, l in stack]
    assert plain(ours) == plain(theirs), f"\n  ours   {ours}\n  theirs {theirs}"
    checks += 1
    deepest = max(deepest, len(ours))
