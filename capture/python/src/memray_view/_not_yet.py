# SPDX-License-Identifier: Apache-2.0
"""What memray's tracker can be asked for and this one cannot do yet. A line goes when the tracer can."""

from typing import Dict

SENTENCES: Dict[str, str] = {
    "track_object_lifetimes": "The lifetimes of objects cannot be recorded yet; leave track_object_lifetimes out.",
    "buffered": "Captures are written through a mapping of the file only, yet; leave buffered out.",
}


def refuse(**asked: bool) -> None:
    """Raises :exc:`NotImplementedError` for the first of these that was asked for and cannot be done yet."""
    for name, is_asked in asked.items():
        if is_asked and name in SENTENCES:
            raise NotImplementedError(SENTENCES[name])
