# SPDX-License-Identifier: Apache-2.0
"""Counters over time: one array of a fixed size, made when the metrics start. A second step in the memory graph."""

import array
import threading

SERIES = 48
POINTS = 65_536


class Metrics:
    def __init__(self):
        self._stopped = threading.Event()
        self._history = None

    def allocate_history(self):
        return [array.array("d", [0.0]) * POINTS for _ in range(SERIES)]

    def run(self):
        self._history = self.allocate_history()
        point = 0
        while not self._stopped.wait(0.1):
            for series in self._history:
                series[point % POINTS] = float(point)
            point += 1

    def stop(self):
        self._stopped.set()
