"""An emulated device as a program of its own, with its control socket."""

import json
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_WITHIN_S = 60.0
ANSWER_WITHIN_S = 20.0
END_WITHIN_S = 10.0


class Emulated:
    """``python -m instrument.emulators KIND …``; a context manager.

    Parameters
    ----------
    kind
        Kind of device.
    *options
        What else stands on its command line.
    serial
        Whether it is on a pseudo-terminal, which comes back under the same link after a fault.
    light
        File of the light path; None for none.
    link
        Where its pseudo-terminal is linked to; by default in its own `folder`.
    files
        Whether its program writes files, into `files`.
    """

    def __init__(
        self,
        kind: str,
        *options: str,
        serial: bool = True,
        light: Path | None = None,
        link: Path | None = None,
        files: bool = False,
    ) -> None:
        # Paths of Unix sockets have to be short, wherever the checkout is.
        self.folder = Path(tempfile.mkdtemp(prefix="opioscan-bar-"))
        self.link = link or self.folder / "tty"
        control = self.folder / "control"
        where = ["--pty", "--link", str(self.link)] if serial else []
        self.files = self.folder / "files"
        self.files.mkdir()
        where += ["--folder", str(self.files)] if files else []
        where += ["--light", str(light)] if light else []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "instrument.emulators", kind, *where),
                *("--with-parent", "--control", str(control), *options),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_WITHIN_S)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise RuntimeError(f"the emulator of {kind} did not start: {' '.join(options)}")
        self.about: dict[str, Any] = json.loads(line)
        self.address = str(self.about["address"])
        self._control = socket.socket(socket.AF_UNIX)
        self._control.settimeout(ANSWER_WITHIN_S)
        self._control.connect(str(control))
        self._answers = self._control.makefile("rb")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def control(self, **message: Any) -> dict[str, Any]:
        """Send a control message and return the state; raises `RuntimeError` when it is refused."""
        self._control.sendall(json.dumps(message).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline() or b'{"error": "the emulator ended"}')
        if "error" in answer:
            raise RuntimeError(f"the emulator refused {message}: {answer['error']}")
        return answer

    def kill(self) -> None:
        """Pull its plug for good."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it and clean up after it; may be called twice."""
        for part in ("_answers", "_control"):
            if hasattr(self, part):
                getattr(self, part).close()
        self._process.terminate()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
