# SPDX-License-Identifier: Apache-2.0
"""Events and those who listen to them.

Here is the leak: `EventBus.subscribe` has no counterpart, so the listeners of a finished order stay for ever, and
each keeps what its closure names (see `check_out`).
"""

import threading


class EventBus:
    def __init__(self):
        self._listeners = {}
        self._lock = threading.Lock()

    def subscribe(self, event, listener):
        with self._lock:
            self._listeners.setdefault(event, []).append(listener)

    def publish(self, event):
        with self._lock:
            listeners = self._listeners.get(event, ())
        for listener in listeners:
            listener()

    def listeners(self):
        return sum(len(listeners) for listeners in self._listeners.values())
