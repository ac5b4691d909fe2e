# SPDX-License-Identifier: Apache-2.0
"""A program that mostly imports."""

import pyperf


def imports():
    import asyncio, concurrent.futures, ctypes, decimal, difflib, doctest, email.mime.text, fractions, http.server  # noqa: E401
    import json, logging.config, multiprocessing.pool, pdb, pydoc, sqlite3, statistics, tarfile, unittest.mock  # noqa: E401
    import urllib.request, xml.dom.minidom, xmlrpc.client, zipfile  # noqa: E401

    import numpy, pandas  # noqa: E401

    return [asyncio, json, numpy, pandas]


if __name__ == "__main__":
    pyperf.Runner().bench_func("imports", imports)
