"""What ``opioscan library measure`` was asked for, and the person who changes the sample."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from library.drafts import Sample

from ..errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for."""

    device: str
    """Name or URL."""
    sample: Sample
    """The sample."""
    operator: str
    """Who measures."""
    path: Path
    """The draft."""
    into: Path
    """The library it is for; it need not be there yet."""
    training: bool
    """Whether it is for a training library."""
    spots: int
    """Spots to measure at."""
    replicates: int
    """Scans at each."""
    blank: str
    """Name of the blank; empty for none."""
    take_blank: bool
    """Whether the blank is to be taken first."""
    origin: str
    """Where the container comes from."""
    resolution_cm1: float | None
    """Resolution, where the caller knows it, cm⁻¹."""
    firing: dict[str, Any]
    """Exposure, accumulations, delay, presentation."""
    as_json: bool
    """Whether a program reads along."""


def person_there() -> bool:
    """Whether somebody at a terminal can be asked and told."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def wait_for(text: str) -> None:
    """Ask for something to be done at the probe, and wait for Enter.

    Raises
    ------
    UsageError
        Nobody can press it.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    if not sys.stdin.readline():
        raise UsageError("somebody has to change the sample: standard input is closed")
