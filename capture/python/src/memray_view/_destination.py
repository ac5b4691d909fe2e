# SPDX-License-Identifier: Apache-2.0
"""Where a capture goes: :class:`FileDestination`."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Union


@dataclass(frozen=True)
class FileDestination:
    """A file that the capture is written to."""

    path: Union[Path, str]
    """The file."""

    overwrite: bool = False
    """Replace a file that is there. Otherwise one that is there is an error."""

    compress_on_exit: bool = True
    """Compress the capture by LZ4. This is done as the program runs, not at the end as memray does it."""

    buffered: bool = False
    """memray's way around file systems without shared mappings. It cannot be asked for yet."""


def create(destination: FileDestination) -> str:
    """Creates the file, empty, and returns its path from the root.

    As memray does when a tracker is made: a file that cannot be written is an error before anything is recorded, and the
    program may change its folder until it is. Raises :exc:`OSError`, with memray's words.
    """
    path = os.fspath(destination.path)
    if not isinstance(path, str):
        raise TypeError(f"argument should be a str object or an os.PathLike object returning str, not {type(path)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if destination.overwrite else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileExistsError as error:
        raise OSError(
            f"Output file {path} already exists. memray-view can overwrite it with the --force CLI argument or the "
            "overwrite=True API argument."
        ) from error
    except OSError as error:
        raise OSError(f"Could not create output file {path}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"Could not create output file {path}: it is not a regular file")
    finally:
        os.close(descriptor)
    return os.path.abspath(path)
