# SPDX-License-Identifier: Apache-2.0
"""Records the memory of a Python program, or of a part of it.

    import memray_view

    with memray_view.Tracker("out.bin"):
        work()

The capture opens in memray-view and in memray 1.20. :class:`Tracker` leads; it takes what memray's takes.
"""

from ._destination import FileDestination
from ._file_format import FileFormat
from ._tracker import Tracker
from ._version import __version__

__all__ = ["FileDestination", "FileFormat", "Tracker", "__version__"]
