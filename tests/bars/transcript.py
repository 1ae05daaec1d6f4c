"""The first hour as it stands on the integrator's page: taken out of the page, and typed into one shell."""

import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any


@dataclass(slots=True)
class PageStep:
    """A step of the page."""

    name: str
    command: str = ""
    promises: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Reads commands and promises out of the page, with the marks of HTML resolved as a browser does."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.steps: dict[str, PageStep] = {}
        self._into: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        name = dict(attrs).get("data-step")
        if name is None:
            return
        step = self.steps.setdefault(name, PageStep(name))
        if tag == "samp":
            step.promises.append("")
        self._into = (tag, name)

    def handle_endtag(self, tag: str) -> None:
        if self._into is not None and self._into[0] == tag:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is None:
            return
        step = self.steps[self._into[1]]
        if self._into[0] == "samp":
            step.promises[-1] += data
        else:
            step.command += data


def steps_of(page: str) -> list[PageStep]:
    """Return the steps of the page, in order."""
    reader = _Reader()
    reader.feed(page)
    return list(reader.steps.values())


class Shell:
    """A shell that somebody types into."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, command: str, *, limit_s: float = 30.0) -> str:
        """Type a command and return what it wrote."""
        mark = f"done-{uuid.uuid4().hex}"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\necho; echo {mark}\n")
        self._process.stdin.flush()
        until, wrote = time.monotonic() + limit_s, []
        while True:
            line = self._lines.get(timeout=max(0.01, until - time.monotonic()))
            if line is None or line.strip() == mark:
                return "".join(wrote)
            wrote.append(line)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def shell(environment: Mapping[str, str]) -> Iterator[Shell]:
    """Open a shell; whatever it started ends with it."""
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": os.environ["PATH"], "TMPDIR": os.environ.get("TMPDIR", "/tmp"), **environment},
        start_new_session=True,
    )
    try:
        yield Shell(process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
