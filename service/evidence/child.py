"""The child of `service.evidence.looker`: one question a line of JSON, one answer a line of JSON."""

import base64
import json
import mmap
import resource
import select
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from calibration.errors import CalibrationError
from calibration.in_force import UNCALIBRATED
from spectra.errors import SpectraError

from ..archive.scanfile import MAX_FILE_BYTES, decode_scan
from ..calibration_files import record_of
from ..errors import EvidenceDamaged, EvidenceMissing, ServiceError
from ..method_file import MethodFile, read_method_file
from ..method_head import MAX_BYTES
from ..report.facts import ReportFacts
from .curves import curves_with, curves_without
from .inputs import Answer, Inputs, records_of

#: Most memory of the child, bytes: a method of 25,000 references fits (chosen).
MEMORY = 6 << 30

#: The child ends when nobody asked for so long, s (chosen).
IDLE_S = 120.0

#: Longest question, bytes: an identification and three calibration records (chosen).
MAX_QUESTION = 32 << 20


def main() -> None:
    """Answer until the questions end."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # Whatever prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    questions = sys.stdin.buffer.raw if hasattr(sys.stdin.buffer, "raw") else sys.stdin.buffer
    while select.select([questions], [], [], IDLE_S)[0]:
        line = _line(questions)
        if not line:
            return
        answers.write(json.dumps(_answer(json.loads(line)), allow_nan=False).encode() + b"\n")
        answers.flush()


def _line(questions: Any) -> bytes:
    """Read a line without reading ahead, so that waiting for the next one can be told from having it."""
    parts: list[bytes] = []
    size = 0
    while size < MAX_QUESTION:
        part = questions.read(1 << 16)
        if not part:
            return b""
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
    return b""


def _answer(question: Answer) -> Answer:
    try:
        return _DOES[question["do"]](question)
    except EvidenceMissing as error:
        return {"missing": str(error)}
    except (ServiceError, SpectraError, CalibrationError, MemoryError, OSError) as error:
        return {"damaged": str(error) or type(error).__name__}


def _check(question: Answer) -> Answer:
    """Rebuild a method from its file, and say which it is."""
    found = _method(question["path"])
    return {
        "file_id": found.file_id,
        "name": found.method.name,
        "version": found.method.version,
        "method_digest": found.method.digest,
        "library_digest": found.method.library_digest,
    }


def _curves(question: Answer) -> Answer:
    said: Answer = question["identification"]
    held = {one.record_id: one for one in (record_of(text.encode()) for text in question["records"])}
    blank, scan = question["blank"], _scan(question["scan"])
    if question["why"]:
        # Without all records the device's own axis is drawn, as the reason says.
        return curves_without(Inputs(said, scan, None, UNCALIBRATED), question["why"])
    inputs = Inputs(said, scan, _scan(blank) if blank else None, records_of(said, held))
    why = ""
    for path in question["methods"]:
        try:
            return curves_with(inputs, _method(path).method)
        except (ServiceError, SpectraError, OSError) as error:
            why = f"The method's file cannot be used: {error}."
    return curves_without(inputs, why)


def _report(question: Answer) -> Answer:
    """Return the report of a result as PDF."""
    from ..report.page import report_pdf

    return {"pdf": base64.b64encode(report_pdf(ReportFacts.from_json(question["facts"]))).decode()}


#: What can be asked.
_DOES: dict[str, Callable[[Answer], Answer]] = {"check": _check, "curves": _curves, "report": _report}


@lru_cache(maxsize=2)
def _method(path: str) -> MethodFile:
    with Path(path).open("rb") as file:
        return read_method_file(_mapped(file))


def _mapped(file: BinaryIO) -> memoryview:
    if not 0 < Path(file.name).stat().st_size <= MAX_BYTES:
        raise EvidenceDamaged("the method's file is empty or too large")
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _scan(path: str) -> Any:
    with Path(path).open("rb") as file:
        return decode_scan(file.read(MAX_FILE_BYTES + 1), own=True)


if __name__ == "__main__":
    main()
