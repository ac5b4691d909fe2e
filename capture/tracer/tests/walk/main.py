# SPDX-License-Identifier: Apache-2.0
"""Asks the tracer for the stack from nasty places, and holds it against what Python says.

Run by walk.rs in every interpreter that it finds, with the tracer's library as argument. Each case is a function.
"""

import sys
import threading

import observed
from allocators import allocators, end_and_wait
from at_odd_times import collections, traced
from code_objects import code_that_comes_and_goes, lambdas_that_come_and_go, long_functions, names_of_all_kinds
from deceptions import (descend, frames_that_are_looked_at, initializers_that_fail, same_frames_from_two_lines,
                        tracing_on_and_off_far_down, unwinding_by_halves, up_and_down)
from functions import (across_c, calls, class_bodies, closures, comprehensions, decorators, recursion,
                       recursion_through_c)
from observed import check, library
from suspended import coroutines, exceptions, generators, one_generator_from_many_callers
from threads import (forks, greenlets, look_on_while_the_interpreter_ends, sub_interpreters, threads, threads_of_c,
                     without_the_gil)
from wandering import at_random

deceptions = [up_and_down, same_frames_from_two_lines, initializers_that_fail, unwinding_by_halves,
              tracing_on_and_off_far_down, frames_that_are_looked_at, at_random]


def each_allocation():
    """All that was done to deceive the shortcut, with an observation at each of Python's allocations."""
    library.memray_view_hook_allocators()
    library.memray_view_walk_compare(True)
    observed.each_is_observed = True
    try:
        for case in [*deceptions, calls, generators, coroutines, exceptions, across_c, recursion, far_down, threads]:
            case()
        greenlets()
    finally:
        observed.each_is_observed = False
        difference = library.memray_view_walk_compare(False)
        end_and_wait()
        assert library.memray_view_walk_begin() is None
    assert not difference, difference.decode()


def far_down():
    for case in (calls, generators, one_generator_from_many_callers, coroutines, exceptions, across_c, closures,
                 collections, traced, without_the_gil, greenlets, same_frames_from_two_lines):
        for depth in (30, 70):
            descend(depth, case)
            check()


def without_the_shortcut():
    library.memray_view_walk_use_shortcut(False)
    before = library.memray_view_walk_shortcuts()
    thread = threading.Thread(target=up_and_down)
    thread.start()
    thread.join()
    assert library.memray_view_walk_shortcuts() == before
    library.memray_view_walk_use_shortcut(True)


def main():
    sentence = library.memray_view_walk_begin()
    if sentence:
        print("refused:", sentence.decode())
        return 3
    assert "probe" not in globals() and sys.exc_info() == (None, None, None)
    cases = [calls, comprehensions, generators, one_generator_from_many_callers, coroutines, exceptions, across_c,
             class_bodies, decorators, closures, recursion, recursion_through_c, code_that_comes_and_goes,
             lambdas_that_come_and_go, names_of_all_kinds, long_functions, collections, traced, threads,
             without_the_gil, threads_of_c, forks, allocators, sub_interpreters, greenlets, far_down, *deceptions,
             without_the_shortcut]
    left_out = []
    for case in [*cases, each_allocation, *cases[::-1]]:
        if case() is False and case.__name__ not in left_out:
            left_out.append(case.__name__)
        check()
    accepted = library.memray_view_walk_wrong_layouts_accepted()
    assert accepted is None, f"wrong layouts passed: {accepted.decode()}"
    shortcuts = library.memray_view_walk_shortcuts()
    has_shortcut = not (hasattr(sys, "_jit") and sys._jit.is_enabled())
    assert (shortcuts > observed.checks / 4) if has_shortcut else shortcuts == 0, f"{shortcuts} shortcuts in {observed.checks} stacks"
    find = min(library.memray_view_walk_find_ns() for _ in range(5))
    end_and_wait()
    print(f"{sys.version.split()[0]}: {observed.checks} stacks, the deepest of {observed.deepest} frames, {shortcuts} times by the shortcut; self-test {find / 1e6:.2f} ms"
          + (f"; without {', '.join(left_out)}" if left_out else ""))
    look_on_while_the_interpreter_ends()
    return 0


if __name__ == "__main__":
    sys.exit(main())
