"""A real shell whose ``opioscan`` starts at once: each command is a process forked from one that imported all.

A README is a page of commands, and each would spend two seconds on importing NumPy, SciPy and Numba. Here
one process imports them and waits at a socket; ``opioscan`` in the shell hands it its arguments, environment, folder
and its three streams, and ends with the exit code of the process that was forked for it. Nothing is replaced:
the command runs from `service.cli.start.run` in a process of its own.
"""

import array
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What commands import; in the waiting process none of it may start a thread.
MODULES = (
    "library.method_fitting",
    "library.release_publish",
    "library.release_update",
    "library.vouching",
    "service.cli.bench",
    "service.cli.library",
    "service.cli.method",
    "service.cli.measure_guide",
    "service.cli.method_words",
    "service.cli.verify",
    "service.release_gate",
)

#: Hands a command over: the standard library alone, and as little of it as can be, so that it starts at once.
_CLIENT = """#!{python} -SE
import array, json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
asked = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
head = len(asked).to_bytes(4, "big")
line.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
line.sendall(asked)
answers = line.makefile("rb")
child = int(answers.readline() or 0)
def pass_on(number, _frame):
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass # it ended by itself meanwhile
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, pass_on)
os._exit(int(answers.readline() or 70))
"""


class WarmShell:
    """The waiting process, and a folder with the ``opioscan`` that asks it; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "warm"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_shell", str(self._address)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.bin = folder / "bin"
        self.bin.mkdir()
        program = self.bin / "opioscan"
        program.write_text(_CLIENT.format(python=sys.executable, address=str(self._address)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def __enter__(self) -> "WarmShell":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def run(
        self, script: str, *, cwd: Path, env: dict[str, str], timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script in bash, stopping at the first command that fails; what it leaves running is ended."""
        # What a script left running when it failed would hold the pipes open.
        before = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
        path = f"{self.bin}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", before + script],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def serve(address: str) -> None:
    """Import what commands need, then fork one process for each that is asked for, until terminated."""
    for name in MODULES:
        __import__(name)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Each command has a watcher of its own; nobody waits for those.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _watch(line)
            line.close()


def _watch(line: socket.socket) -> None:
    """Run one command in a process of its own and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 70
    with suppress(OSError):
        streams, asked = _asked(line)
        child = os.fork()
        if child == 0:
            _command(line, streams, *asked)
        for stream in streams:
            os.close(stream)
        line.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        line.sendall(f"{code if code >= 0 else 128 - code}\n".encode())
    os._exit(0)


def _asked(line: socket.socket) -> tuple[list[int], tuple[list[str], dict[str, str], str]]:
    head, control, _, _ = line.recvmsg(4, socket.CMSG_SPACE(12))
    streams = array.array("i")
    for _, _, data in control:
        streams.frombytes(data)
    size, asked = int.from_bytes(head, "big"), b""
    while len(asked) < size:
        asked += line.recv(size - len(asked))
    return list(streams), tuple(json.loads(asked))


def _command(
    line: socket.socket, streams: list[int], arguments: list[str], env: dict[str, str], folder: str
) -> None:
    line.close()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    # The ones there are remember what this process was started with.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    from service.cli.start import run

    sys.argv = ["opioscan", *arguments]
    code = run(arguments)
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # As at the end of any process: files and children that are to end with it do.
    try:
        import atexit

        atexit._run_exitfuncs()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
