"""Copies of the server's signed heads: what a bench can hold against the server's records later.

They come with the answer to a report, are kept and are never acted on. `opioscan audit verify --heads` takes
the file as it is.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .notes import write_private

_log = logging.getLogger(__name__)

#: Lines of a file; when there are more, every second one of the older half goes (chosen: a report every five
#: minutes makes 2,000 a week, and an old head is as good a witness as its neighbour).
MOST = 4000

#: A head has some hundred bytes; what is longer is none.
MOST_BYTES = 16 * 1024


def file_of(folder: Path, server_url: str) -> Path:
    """Return the file with the heads of a server."""
    place = urlsplit(server_url).netloc.rpartition("@")[2]
    return folder / f"{''.join(one if one.isalnum() or one in '.-' else '_' for one in place)}.jsonl"


def keep_head(path: Path, answer: Mapping[str, Any] | None) -> bool:
    """Keep the signed head in the answer to a report, and say whether a new one was kept.

    What has not the form of a head is left out, not repaired; signatures are looked at by whoever verifies.
    A full disk costs the copy, not the report.
    """
    try:
        return _keep(path, answer)
    except OSError as error:
        _log.warning("no copy of the server's signed head was kept: %s", error)
        return False


def _keep(path: Path, answer: Mapping[str, Any] | None) -> bool:
    head = (answer or {}).get("head")
    if not isinstance(head, dict) or not isinstance(head.get("seq"), int) or head["seq"] < 1:
        return False
    line = json.dumps(head, sort_keys=True)
    if len(line) > MOST_BYTES:
        return False
    lines = _lines(path)
    if lines and _seq(lines[-1]) == head["seq"]:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(lines) >= MOST:
        half = len(lines) // 2
        _write(path, [*lines[:half:2], *lines[half:], line])
    else:
        with path.open("a") as file:
            file.write(f"{line}\n")
    return True


def _lines(path: Path) -> list[str]:
    try:
        # A damaged letter makes a damaged line, which is nobody's head; the reports go on.
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return []
    if text and not text.endswith("\n"):
        # The half line that a power cut left.
        text = text[: text.rfind("\n") + 1]
        _write(path, text.splitlines())
    return text.splitlines()


def _seq(line: str) -> object:
    try:
        return json.loads(line).get("seq")
    except (ValueError, AttributeError):
        return None


def _write(path: Path, lines: list[str]) -> None:
    write_private(path, "".join(f"{line}\n" for line in lines).encode())
