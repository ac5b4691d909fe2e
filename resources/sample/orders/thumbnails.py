# SPDX-License-Identifier: Apache-2.0
"""A cache of small pictures. It fills during the first third of the run, then evicts the oldest: it levels off.

This is not a leak, though it grows for a while.
"""

import collections
import threading

SIDE_PIXELS = 140


def render_thumbnail(product):
    """Scales a picture, with four bytes a pixel."""
    pixels = bytearray(SIDE_PIXELS * SIDE_PIXELS * 4)
    row = product.picture[: SIDE_PIXELS * 4]
    for y in range(SIDE_PIXELS):
        pixels[y * len(row) : (y + 1) * len(row)] = row
    return pixels


class ThumbnailCache:
    def __init__(self, capacity):
        self._capacity = capacity
        self._thumbnails = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, product):
        with self._lock:
            thumbnail = self._thumbnails.get(product.number)
            if thumbnail is None:
                thumbnail = render_thumbnail(product)
                self._thumbnails[product.number] = thumbnail
                if len(self._thumbnails) > self._capacity:
                    self._thumbnails.popitem(last=False)
            else:
                self._thumbnails.move_to_end(product.number)
            return thumbnail

    def held(self):
        return len(self._thumbnails)
