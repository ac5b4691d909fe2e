# SPDX-License-Identifier: Apache-2.0
"""The parts of the shop, one module each."""
