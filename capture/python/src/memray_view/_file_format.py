# SPDX-License-Identifier: Apache-2.0
"""How a capture is laid out."""

import enum


class FileFormat(enum.IntEnum):
    """How a capture is laid out; the numbers are memray's."""

    ALL_ALLOCATIONS = 0
    """Every allocation and every free, in the order in which they were made."""

    AGGREGATED_ALLOCATIONS = 1
    """Only what is known of each place that allocates: how much it held at the peak, and how much at the end."""
