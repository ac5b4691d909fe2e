"""Data frames: pandas over numpy, and Arrow beneath. Grouping, joining, time series, and a file in memory."""
import io

import numpy
import pandas
import pyarrow
import pyarrow.parquet

ROWS = 20_000


def measurements():
    random = numpy.random.default_rng(7)
    return pandas.DataFrame({
        "station": random.integers(0, 50, ROWS),
        "value": random.normal(size=ROWS).round(6),
        "label": [f"label {number % 97}" for number in range(ROWS)],
        "time": pandas.date_range("2024-01-01", periods=ROWS, freq="min"),
    })


def group(frame):
    print(frame.groupby("station")["value"].agg(["mean", "count", "max"]).head(3))
    print(frame.set_index("time")["value"].resample("1D").sum().head(3))
    print(frame["label"].str.upper().value_counts().sort_index().head(3))


def join(frame):
    stations = pandas.DataFrame({"station": range(50), "height": numpy.arange(50) * 10.0})
    joined = frame.merge(stations, on="station").sort_values(["station", "value"])
    print(joined["height"].mean(), len(joined.pivot_table(index="station", columns=joined.index % 5, values="value")))


def through_arrow(frame):
    table = pyarrow.Table.from_pandas(frame)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    buffer.seek(0)
    back = pyarrow.parquet.read_table(buffer, use_threads=False).to_pandas()
    print(back.equals(frame), table.num_rows)


pyarrow.set_cpu_count(1)
pyarrow.set_io_thread_count(1)
frame = measurements()
group(frame)
join(frame)
through_arrow(frame)
# SPDX-License-Identifier: Apache-2.0
