# SPDX-License-Identifier: Apache-2.0
"""Prints all that a program can see of how it was started, as JSON."""
import os
import sys

modules = sorted(sys.modules)

import json
import re
import resource
import signal
import threading

# Signals 32 and 33 are ignored or not by what threads the parent had.
OF_THE_C_LIBRARY = 3 << 31


def shown(thing):
    return re.sub(" at 0x[0-9a-f]+", "", repr(thing))


main = sys.modules["__main__"]
spec = getattr(main, "__spec__", None)
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
probe = {
    "argv": sys.argv,
    "orig_argv": getattr(sys, "orig_argv", None),
    "flags": repr(sys.flags),
    "xoptions": repr(sys._xoptions),
    "warnoptions": sys.warnoptions,
    "path": sys.path,
    "executable": sys.executable,
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix],
    "modules": modules,
    "meta_path": [shown(finder) for finder in sys.meta_path],
    "main": {name: shown(value) for name, value in vars(main).items() if name[:2] == "__" and name != "__builtins__"},
    "main_spec": spec and [spec.name, spec.origin, spec.parent],
    "environ": [[repr(name), repr(value)] for name, value in os.environb.items()],
    "cwd": os.getcwd(),
    "stdin": sys.stdin.read(),
    "encodings": [sys.stdin.encoding, sys.stdout.encoding, sys.stderr.encoding, sys.getfilesystemencoding()],
    "standard_streams": [shown(sys.stdin), shown(sys.stdout), shown(sys.stderr)],
    "signals": {int(number): shown(signal.getsignal(number)) for number in signal.valid_signals()},
    "signals_of_the_system": {name: hex(int(status[name], 16) & ~OF_THE_C_LIBRARY)
                              for name in ("SigBlk", "SigIgn", "SigPnd", "ShdPnd")},
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT")},
    "umask": os.umask(0o22),
    "threads": threading.active_count(),
    "group_and_session": [os.getpgid(0) == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid())],
    "recursion_limit": sys.getrecursionlimit(),
    "profile_and_trace": [repr(sys.getprofile()), repr(sys.gettrace())],
    "is_interactive": hasattr(sys, "ps1"),
}
print(json.dumps(probe))
print("and this goes to standard error", file=sys.stderr)
