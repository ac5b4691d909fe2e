# SPDX-License-Identifier: Apache-2.0
"""The tracer: one shared library for every CPython, called through :mod:`ctypes`. :class:`TracerLibrary` leads.

Its functions keep the GIL (:class:`ctypes.PyDLL`): the interpreter is looked at while nothing else runs in it.
"""

import atexit
import ctypes
import functools
from pathlib import Path

from ._version import __version__

_FILE = Path(__file__).with_name("memray-view-tracer.so")
_MESSAGE_BYTES = 4096

# What ``memray_view_start`` returns.
_STARTED = 0
_IS_TRACED = 3
_FILE_ERROR = 4


class AlreadyTracedError(Exception):
    """The process is traced already."""


class TracerLibrary:
    """The library, loaded. A process has one; see :func:`tracer_library`."""

    def __init__(self, library: ctypes.PyDLL) -> None:
        version = library.memray_view_version
        version.restype = ctypes.c_char_p
        found: bytes = version()
        if found != __version__.encode():
            raise RuntimeError(f"The tracer is of version {found.decode()}, memray_view of version {__version__}.")
        self._start = library.memray_view_start
        self._start.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
        self._stop = library.memray_view_stop
        self._stop.restype = None
        self._is_tracing = library.memray_view_is_tracing

    def start(self, settings: bytes) -> None:
        """Starts tracing, as these settings say.

        Raises :exc:`AlreadyTracedError`; :exc:`OSError` if the capture cannot be written; :exc:`RuntimeError` if the
        interpreter cannot be traced.
        """
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        result = self._start(settings, len(settings), message, _MESSAGE_BYTES)
        if result == _STARTED:
            return
        if result == _IS_TRACED:
            raise AlreadyTracedError
        sentence = message.value.decode(errors="replace")
        raise OSError(sentence) if result == _FILE_ERROR else RuntimeError(sentence)

    def stop(self) -> None:
        """Stops tracing and completes the capture; nothing if nothing is traced."""
        self._stop()

    def is_tracing(self) -> bool:
        """Whether tracing goes on."""
        return bool(self._is_tracing())


@functools.lru_cache(maxsize=None)
def tracer_library() -> TracerLibrary:
    """The library that is in the process already if ``memray-view run`` started it, else the package's own.

    Raises :exc:`RuntimeError` if it is of another version, and :exc:`OSError` if it cannot be loaded.
    """
    process = ctypes.PyDLL(None)
    if hasattr(process, "memray_view_version"):
        return TracerLibrary(process)
    library = TracerLibrary(ctypes.PyDLL(str(_FILE)))
    # A tracker that is never left, in a generator say, has its capture completed while Python is still whole.
    atexit.register(library.stop)
    return library
