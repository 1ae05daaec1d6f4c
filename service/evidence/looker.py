"""A process beside the server that rebuilds methods and looks at scans again.

A rebuilt method takes from ten megabytes to a gigabyte, and files from outside may be made to harm: neither
belongs into the process that keeps the records. The child is started when first needed, answers one question
after the other, keeps the two methods used last, and ends by itself when nobody asks for a while.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from ..errors import EvidenceDamaged, EvidenceMissing

#: How long a question may take, s: a library of 25,000 references is rebuilt within some ten (chosen).
ANSWER_S = 90.0

#: How long a question waits for those before it, s (chosen).
TURN_S = 30.0

#: Longest answer, bytes: five curves of ten thousand points take 2 MB (chosen).
MAX_ANSWER = 16 << 20

Answer = dict[str, Any]

_ROOT = str(Path(__file__).resolve().parents[2])
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Looker:
    """The child and the way to it; safe to use from several threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()

    def ask(self, question: Answer) -> Answer:
        """Return what the child answers.

        Raises
        ------
        EvidenceDamaged
            What was to be looked at is damaged, or broke the child.
        EvidenceMissing
            Something is missing.
        TimeoutError
            Too many questions wait.
        """
        if not self._turn.acquire(timeout=TURN_S):
            raise TimeoutError("too many results are being looked at; try again")
        try:
            line = json.dumps(question, allow_nan=False).encode() + b"\n"
            # A child that ended for want of questions is found out by asking it.
            answer = self._asked(line) or self._asked(line)
        finally:
            self._turn.release()
        if answer is None:
            raise EvidenceDamaged("looking at it took too long or too much memory: damaged, or made to harm")
        return _told(answer)

    def _asked(self, line: bytes) -> bytes | None:
        """Ask once; None where there came no answer, and the child is gone."""
        child = self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        ended = threading.Timer(ANSWER_S, child.kill)
        ended.start()
        try:
            child.stdin.write(line)
            child.stdin.flush()
            answer = child.stdout.readline(MAX_ANSWER)
        except OSError:
            answer = b""
        finally:
            ended.cancel()
        if answer.endswith(b"\n"):
            return answer
        self.close()
        return None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            paths = os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
            # One BLAS thread, as where the result was made.
            env = {**os.environ, "PYTHONPATH": paths, **dict.fromkeys(_THREADS, "1")}
            self._child = subprocess.Popen(
                [sys.executable, "-m", "service.evidence.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=env,
            )
        return self._child


def _told(line: bytes) -> Answer:
    answer = json.loads(line)
    if "missing" in answer:
        raise EvidenceMissing(str(answer["missing"]))
    if "damaged" in answer:
        raise EvidenceDamaged(str(answer["damaged"]))
    assert isinstance(answer, dict)
    return answer
