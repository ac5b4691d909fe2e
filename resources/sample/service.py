# SPDX-License-Identifier: Apache-2.0
"""A small shop that serves orders for half a minute: the program behind memray-view's sample capture.

It has what one looks for in a capture: a catalogue that is loaded once, a thumbnail cache that fills and stays, a
monthly report that needs much memory for a short time (the peak), and a leak (see `orders/events.py`). It needs only
the standard library (Python 3.9 or later), sleeps most of the time, and makes the same orders each run.
"""

import queue
import random
import threading
import time

from orders.checkout import check_out
from orders.monthly import write_monthly_report
from orders.shop import open_shop

TICK_S = 0.04
TICKS = 625
ORDERS_PER_TICK = 5
WORKERS = 3
METRICS_AT_TICK = 150
REPORT_AT_TICK = 400


def work(jobs, shop):
    """Serves orders until it is given None."""
    while True:
        order = jobs.get()
        if order is None:
            return
        for number in order["products"]:
            shop.thumbnails.get(shop.catalogue.product(number))
        check_out(order, shop.bus)


def new_order(rng, number, catalogue):
    # The square makes some products far more popular than others.
    products = [int(rng.random() ** 2 * len(catalogue)) for _ in range(rng.randrange(1, 4))]
    return {"number": number, "products": products}


def serve(shop):
    rng = random.Random(2024)
    jobs = queue.Queue()
    workers = [threading.Thread(target=work, name=f"worker-{i + 1}", args=(jobs, shop)) for i in range(WORKERS)]
    reporter = threading.Thread(target=write_monthly_report, name="monthly-report", args=(shop.catalogue,))
    sampler = threading.Thread(target=shop.metrics.run, name="metrics")
    for worker in workers:
        worker.start()

    start = time.monotonic()
    for tick in range(TICKS):
        if tick == METRICS_AT_TICK:
            sampler.start()
        if tick == REPORT_AT_TICK:
            reporter.start()
        for i in range(ORDERS_PER_TICK):
            jobs.put(new_order(rng, tick * ORDERS_PER_TICK + i, shop.catalogue))
        time.sleep(max(0.0, start + (tick + 1) * TICK_S - time.monotonic()))

    for _ in workers:
        jobs.put(None)
    shop.metrics.stop()
    for thread in [*workers, reporter, sampler]:
        thread.join()
    print(
        f"{TICKS * ORDERS_PER_TICK} orders served, {shop.thumbnails.held()} thumbnails held, "
        f"{shop.bus.listeners()} listeners never removed"
    )


if __name__ == "__main__":
    serve(open_shop())
