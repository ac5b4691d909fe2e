# SPDX-License-Identifier: Apache-2.0
"""The package's version, which is the tracer's."""

__version__ = "0.1.0"
