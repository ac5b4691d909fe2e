# SPDX-License-Identifier: Apache-2.0
"""What the shop holds for as long as the process lives."""

from orders.catalogue import Catalogue
from orders.events import EventBus
from orders.metrics import Metrics
from orders.thumbnails import ThumbnailCache

_shop = None


class Shop:
    def __init__(self):
        self.catalogue = Catalogue.load(products=2_000)
        self.thumbnails = ThumbnailCache(capacity=1_000)
        self.bus = EventBus()
        self.metrics = Metrics()


def open_shop():
    global _shop
    if _shop is None:
        _shop = Shop()
    return _shop
