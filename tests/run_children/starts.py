# SPDX-License-Identifier: Apache-2.0
"""Starts a program in every way there is. Arguments: the interpreter, and a C library with `through_popen`."""
import ctypes
import os
import shlex
import subprocess
import sys

python = sys.argv[1]
through_popen = ctypes.CDLL(sys.argv[2]).through_popen


def command(label):
    return [python, "child.py", label]


def line(label):
    return " ".join(map(shlex.quote, command(label)))


def run(label, **options):
    subprocess.run(command(label), check=True, **options)


def forked(execute):
    pid = os.fork()
    if pid == 0:
        execute()
    assert os.waitpid(pid, 0)[1] == 0


def spawned(spawn, label):
    assert os.waitpid(spawn(python, command(label), os.environ), 0)[1] == 0


def from_descriptor():
    descriptor = os.open(python, os.O_RDONLY)
    # A script's interpreter opens it once more.
    os.set_inheritable(descriptor, True)
    os.execve(descriptor, command("descriptor"), os.environ)


run("subprocess")
run("empty", env={})
run("preloads", env={"A": "1", "LD_PRELOAD": "", "B": "2"})
run("preexec", preexec_fn=lambda: None)
run("open_files", close_fds=False)
subprocess.run(line("shell"), shell=True, check=True)
subprocess.run(["bash", "-c", line("bash") + "; true"], check=True)
subprocess.run(["env", "-u", "HOME", *command("env")], check=True)
assert os.system(line("system")) == 0
assert through_popen(line("through_popen").encode()) == 0
print(os.popen(line("popen")).read(), end="", flush=True)
spawned(os.posix_spawn, "posix_spawn")
spawned(os.posix_spawnp, "posix_spawnp")
os.spawnv(os.P_WAIT, python, command("spawnv"))
forked(lambda: os.execv(python, command("execv")))
forked(lambda: os.execve(python, command("execve"), {}))
forked(lambda: os.execvp(python, command("execvp")))
forked(lambda: os.execvpe(python, command("execvpe"), {"A": "1"}))
forked(from_descriptor)
assert subprocess.run(command("killed")).returncode == -9
