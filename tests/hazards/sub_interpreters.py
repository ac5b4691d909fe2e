"""Interpreters within the interpreter, that allocate, one after the other and in threads."""
import sys
import threading

try:
    import _interpreters as interpreters  # since 3.13
except ImportError:
    import _xxsubinterpreters as interpreters

CODE = """
def allocate():
    return [bytearray(70_001) for _ in range(5)]
kept = allocate()
import json
json.loads(json.dumps({"a": list(range(1000))}))
"""


def run():
    for _ in range(5):
        interpreter = interpreters.create()
        interpreters.run_string(interpreter, CODE)
        interpreters.destroy(interpreter)


run()
threads = [threading.Thread(target=run) for _ in range(3)]
if sys.version_info >= (3, 12):  # before, the interpreter itself breaks here
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("done")
# SPDX-License-Identifier: Apache-2.0
