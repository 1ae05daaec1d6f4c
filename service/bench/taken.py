"""What a device gave: a scan, what went over the wires for it, and the files that came with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from instrument.interfaces import OriginalFile
from spectra.values import Scan


@dataclass(frozen=True, slots=True)
class Taken:
    """What a device gave."""

    scan: Scan
    """The scan."""
    transcript: bytes
    """What went over the wires for it."""
    original: OriginalFile | None = None
    """The file the device wrote for it; None where its spectra do not come as files."""
    sidecars: tuple[OriginalFile, ...] = ()
    """Reports that came with that file."""


def noted(scan: Scan, remarks: Mapping[str, Any]) -> Scan:
    """Return a scan with remarks in its settings."""
    return replace(scan, settings={**scan.settings, **remarks})
