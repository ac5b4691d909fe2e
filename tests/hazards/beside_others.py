"""A tracer and a profiler of Python's own beside us: they see what they see without us."""
import cProfile
import pstats
import sys

seen = []


def trace(frame, event, argument):
    if frame.f_code.co_filename == __file__:
        seen.append((event, frame.f_lineno))
    return trace


def work(count):
    blocks = [bytearray(1000 + number) for number in range(count)]
    if count:
        return work(count - 1) + sum(len(block) for block in blocks)
    return 0


sys.settrace(trace)
print(work(20))
sys.settrace(None)
print(len(seen), seen[:10], seen[-3:])
profile = cProfile.Profile()
profile.enable()
print(work(20))
profile.disable()
for (path, line, name), (calls, primitive, *_, callers) in sorted(pstats.Stats(profile).stats.items()):
    print(line, name, calls, primitive, sorted(called[2] for called in callers))
print(sys.gettrace(), sys.getprofile())
# SPDX-License-Identifier: Apache-2.0
