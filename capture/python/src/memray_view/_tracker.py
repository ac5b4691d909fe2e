# SPDX-License-Identifier: Apache-2.0
""":class:`Tracker`: the ``with`` statement that records."""

import operator
import os
import sys
from pathlib import Path
from types import FrameType, TracebackType
from typing import Optional, Type, TypeVar, Union, overload

from . import _not_yet, _settings
from ._destination import FileDestination, create
from ._file_format import FileFormat
from ._library import AlreadyTracedError, tracer_library

_Self = TypeVar("_Self", bound="Tracker")

_MAX_INTERVAL_MS = 2**32 - 1

_ONE_AT_A_TIME = "No more than one Tracker instance can be active at the same time"
_USED = "Attempting to use stale output handle"


class Tracker:
    """Records all allocations while the block runs, by any thread, each with its Python stack.

        with memray_view.Tracker("out.bin"):
            work()

    A process can have one active tracker, and a tracker can be used once.

    Args:
        file_name: The capture. A file that is there is an error.
        destination: Instead of ``file_name``, a :class:`FileDestination`, which says more.
        native_traces: Record native stacks too.
        memory_interval_ms: From one sample of the program's resident set to the next.
        follow_fork: Record forked children too, each into a file of its own: ``out.bin.4711`` beside ``out.bin``.
        trace_python_allocators: Record each request that Python's own allocators get, not only what they get from the
            system.
        track_object_lifetimes: Record when objects are made and destroyed.
        file_format: How the capture is laid out.

    Raises:
        TypeError: For values of other types, and unless exactly one of ``file_name`` and ``destination`` is given.
        OverflowError: For an interval that is negative or longer than 32 bits can say.
        OSError: If the file is there and may not be replaced, or cannot be created.
        NotImplementedError: For what memray's tracker can do and this one cannot yet.
        RuntimeError: For what this Python cannot do.
    """

    @overload
    def __init__(
        self,
        file_name: Union[Path, str],
        *,
        native_traces: bool = ...,
        memory_interval_ms: int = ...,
        follow_fork: bool = ...,
        trace_python_allocators: bool = ...,
        track_object_lifetimes: bool = ...,
        file_format: FileFormat = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        *,
        destination: FileDestination,
        native_traces: bool = ...,
        memory_interval_ms: int = ...,
        follow_fork: bool = ...,
        trace_python_allocators: bool = ...,
        track_object_lifetimes: bool = ...,
        file_format: FileFormat = ...,
    ) -> None: ...

    def __init__(
        self,
        file_name: Optional[Union[Path, str]] = None,
        *,
        destination: Optional[FileDestination] = None,
        native_traces: bool = False,
        memory_interval_ms: int = 10,
        follow_fork: bool = False,
        trace_python_allocators: bool = False,
        track_object_lifetimes: bool = False,
        file_format: FileFormat = FileFormat.ALL_ALLOCATIONS,
    ) -> None:
        interval_ms = _interval_ms(memory_interval_ms)
        file_format = _file_format(file_format)
        if (file_name is None) == (destination is None):
            raise TypeError("Exactly one of 'file_name' or 'destination' argument must be specified")
        if track_object_lifetimes and sys.version_info < (3, 13, 3):
            raise RuntimeError(
                "Python object reference tracking requires Python 3.13.3 or later. "
                f"Current version: {'.'.join(map(str, sys.version_info[:3]))}"
            )
        if file_name is not None:
            destination = FileDestination(file_name)
        if not isinstance(destination, FileDestination):
            raise TypeError("destination must be a FileDestination")
        _not_yet.refuse(
            track_object_lifetimes=bool(track_object_lifetimes),
            buffered=bool(destination.buffered),
        )
        self._library = tracer_library()
        self._is_recording = False
        path = create(destination)
        self._fields: Optional[_settings.Fields] = {
            "path": os.fsencode(path),
            "shown_path": os.fsencode(destination.path),
            # The file is there, as it was created above.
            "overwrites": True,
            "compresses": bool(destination.compress_on_exit),
            "traces_native": bool(native_traces),
            "aggregates": file_format is FileFormat.AGGREGATED_ALLOCATIONS,
            "traces_python_allocators": bool(trace_python_allocators),
            "follows_forks": bool(follow_fork),
            "follows_children": False,
            "is_child": False,
            # As the command does.
            "uses_shortcut": os.environ.get("MEMRAY_VIEW_SHORTCUT") != "0",
            "is_quiet": True,
            # Without a pause there would be nothing but samples.
            "memory_interval_us": max(interval_ms, 1) * 1000,
            "command_line": os.fsencode(" ".join(getattr(sys, "argv", []))),
        }

    def __enter__(self: _Self) -> _Self:
        """Starts recording.

        Raises :exc:`RuntimeError` if a tracker is active, if this one was used, and if the interpreter cannot be traced;
        :exc:`OSError` if the capture cannot be written.
        """
        fields = self._fields
        if fields is None:
            raise RuntimeError(_ONE_AT_A_TIME if self._library.is_tracing() else _USED)
        settings = _settings.encode({**fields, "skipped_frames": _frames_above_caller()})
        self._fields, self._is_recording = None, True
        try:
            # The last that is done here: what came after it would be recorded.
            self._library.start(settings)
        except AlreadyTracedError:
            self._fields, self._is_recording = fields, False
            raise RuntimeError(_ONE_AT_A_TIME) from None
        except BaseException:
            self._is_recording = False
            raise
        return self

    def __exit__(
        self,
        exception_type: Optional[Type[BaseException]],
        exception: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Stops recording and completes the capture. An exception of the block goes on."""
        if self._is_recording:
            self._is_recording = False
            self._library.stop()


def _interval_ms(value: int) -> int:
    try:
        interval_ms = operator.index(value)
    except TypeError:
        raise TypeError("an integer is required") from None
    if interval_ms < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    if interval_ms > _MAX_INTERVAL_MS:
        raise OverflowError("value too large to convert to unsigned int")
    return interval_ms


def _file_format(value: int) -> FileFormat:
    if not isinstance(value, int):
        raise TypeError("an integer is required")
    try:
        return FileFormat(value)
    except ValueError:
        raise RuntimeError("Invalid file format enumerator") from None


def _frames_above_caller() -> int:
    """How many frames led to the one whose ``with`` statement this is: readers leave them out, as with memray's captures."""
    try:
        # Frames that are asked for become objects, so the tracker's own are not.
        frame: Optional[FrameType] = sys._getframe(2)
    except ValueError:
        return 0
    count = -1
    while frame is not None:
        count += 1
        frame = frame.f_back
    return count
