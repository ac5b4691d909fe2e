# SPDX-License-Identifier: Apache-2.0
"""Python's allocators, hooked and given back."""

import ctypes

from observed import library


def allocators():
    malloc, calloc, realloc, free = 2, 3, 4, 1
    library.memray_view_hook_allocators()
    for domain in ("PyMem_Raw", "PyMem_", "PyObject_"):
        functions = {}
        for name, arguments in (("Malloc", 1), ("Calloc", 2), ("Realloc", 2), ("Free", 1)):
            function = functions[name] = getattr(ctypes.pythonapi, domain + name)
            function.argtypes = [ctypes.c_size_t] * arguments
            function.restype = ctypes.c_size_t
        # The last event of a live block is its own; what comes after its free may be another's.
        for size in (40, 100_000):
            first = functions["Malloc"](size)
            seen = len(events(first))
            assert events(first)[-1] == (malloc, size)
            second = functions["Realloc"](first, size * 3)
            assert events(first)[seen] == (free, 0)
            assert events(second)[-1] == (realloc, size * 3)
            seen = len(events(second))
            functions["Free"](second)
            assert events(second)[seen] == (free, 0)
            third = functions["Calloc"](3, size)
            assert events(third)[-1] == (calloc, 3 * size)
            functions["Free"](third)
            fourth = functions["Realloc"](0, size)
            assert events(fourth)[-1] == (realloc, size)
            functions["Free"](fourth)
        assert functions["Malloc"](1 << 62) == 0
        functions["Free"](0)
        assert events(0) == []
    end_and_wait()
    kept = ctypes.pythonapi.PyMem_RawMalloc(77_777)
    assert (malloc, 77_777) not in events(kept)
    ctypes.pythonapi.PyMem_RawFree(kept)
    assert library.memray_view_walk_begin() is None and library.memray_view_is_watched()


def end_and_wait():
    """The main thread does it when it comes to it."""
    assert library.memray_view_is_watched()
    library.memray_view_walk_end()
    for _ in range(1000):
        if not library.memray_view_is_watched():
            return
    raise AssertionError("nothing was undone")


def events(address):
    found = (ctypes.c_uint64 * 4096)()
    count = library.memray_view_events(address, found, 2048)
    assert count <= 2048, count
    return [tuple(found[2 * n:2 * n + 2]) for n in range(count)]
