"""numpy in threads: without the GIL for most of the time, each thread with arrays of its own."""
import threading

import numpy

results = {}


def work(number):
    random = numpy.random.default_rng(number)
    total = 0.0
    for count in range(1, 30):
        array = random.normal(size=(count * 10, 100))
        total += float(numpy.sort(array, axis=None)[::7].sum())
        total += float(numpy.concatenate([array, array * 2]).mean())
        total += float((array.T @ array).trace())
    results[number] = round(total, 3)


threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(results.items()))
# SPDX-License-Identifier: Apache-2.0
