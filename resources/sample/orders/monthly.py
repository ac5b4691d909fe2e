# SPDX-License-Identifier: Apache-2.0
"""The monthly report. It holds all rows, then all of them again as one text: this is the peak of the run.

A report written row by row would need next to nothing.
"""

import io
import time

ROWS = 90_000
ROWS_PER_BATCH = 5_000


def format_row(number, product):
    return f"{number};{product.number};{product.description}" + ";0.00" * 160


def collect_rows(catalogue):
    rows = []
    for number in range(ROWS):
        rows.append(format_row(number, catalogue.product(number % len(catalogue))))
        if number % ROWS_PER_BATCH == 0:
            time.sleep(0.05)
    return rows


def join_rows(rows):
    text = io.BytesIO()
    for number, row in enumerate(rows):
        text.write(row.encode())
        text.write(b"\n")
        if number % ROWS_PER_BATCH == 0:
            time.sleep(0.05)
    return text.getvalue()


def write_monthly_report(catalogue):
    report = join_rows(collect_rows(catalogue))
    time.sleep(0.5)
    return len(report)
