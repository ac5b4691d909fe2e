# SPDX-License-Identifier: Apache-2.0
"""What data work does: arrays and tables made, joined, grouped and dropped."""

import numpy as np
import pandas as pd
import pyperf


def work():
    rng = np.random.default_rng(1)
    total = 0.0
    for _ in range(20):
        table = pd.DataFrame({"key": rng.integers(0, 100, 20_000), "value": rng.random(20_000)})
        grouped = table.groupby("key").agg(["mean", "sum", "count"])
        joined = table.merge(grouped["value"].reset_index(), on="key")
        total += float(joined["mean"].sum()) + float(np.sort(rng.random(100_000))[:10].sum())
    return total


if __name__ == "__main__":
    pyperf.Runner().bench_func("frames", work)
