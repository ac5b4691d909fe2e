# SPDX-License-Identifier: Apache-2.0
"""Nothing: what is left is the start."""
