# SPDX-License-Identifier: Apache-2.0
"""Starts what is no Python program, and what cannot be started at all; prints what came of it. Arguments: programs."""
import os
import subprocess
import sys


def outcome(words, **options):
    try:
        ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    except OSError as error:
        return repr(error)
    return ended.returncode, ended.stdout, ended.stderr


for program in sys.argv[1:]:
    print(program, outcome([program, "a b"]), outcome([program], env={}))
print(outcome("echo $0 $# && exit 3", shell=True))
print(outcome(["bash", "-c", "kill -TERM $$"]))
print(os.system("exit 3"), os.system("echo $0 $#"), os.system("no_such_command"), os.system("'"), flush=True)
print(outcome(["cat", "/none"]), outcome(["/none/program"]), outcome(["no_such_program"]), outcome(["/etc/passwd"]))
print(len(os.environ))
