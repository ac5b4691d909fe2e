# SPDX-License-Identifier: Apache-2.0
"""Code objects of all shapes, which come and go."""

from observed import check, library


def code_that_comes_and_goes():
    """The next code object often lies where the last one died; frames and instructions are the same."""
    addresses = set()
    before = library.memray_view_walk_deaths()
    # How soon an address is used again is the allocator's affair.
    for n in range(10_000):
        if n >= 300 and n - len(addresses) > 1:
            break
        code = compile(f"{chr(10) * (n % 7)}def f_{n:04}():\n    check()\nf_{n:04}()\ncheck()\n", f"<made {n:04}>", "exec")
        addresses.add(id(code))
        exec(code, {"check": check})
        del code
    assert n - len(addresses) > 1, "addresses were meant to be used again"
    assert library.memray_view_walk_deaths() >= before + n


def lambdas_that_come_and_go():
    for n in range(100):
        eval(f"(lambda: (check(), {n}))")()
        check()


def names_of_all_kinds():
    for name in ("größe", "длина", "𐌀", "plain"):
        for file in ("/tmp/ü.py", "/tmp/ж.py", "/tmp/😀.py", "/tmp/lone\udcff.py", "/tmp/plain.py"):
            made = {}
            exec(compile(f"def {name}(check):\n\n  check()", file, "exec"), made)
            made[name](check)


def long_functions():
    lines = "\n".join(f"    a{n} = {n}\n    check()" if n % 40 == 0 else f"    a{n} = (\n{n})" for n in range(400))
    made = {"check": check}
    exec(compile(f"def long():\n{lines}\nlong()", "<long>", "exec"), made)
