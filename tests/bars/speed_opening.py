"""Open a stored method in a process of its own, ready for search, and say how long it took.

    speed_opening.py FOLDER warm|cold

Cold: the files of the folder are dropped from the system's cache before. Prints one JSON object.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import speed_library

from library.method_store import read_method
from spectra.identification import identify
from spectra.values import Spectrum, Technique

NOW = "2026-11-21T12:00:00Z"


def main() -> None:
    """Open, identify once, and say how it went."""
    folder, cold = Path(sys.argv[1]), sys.argv[2] == "cold"
    if cold:
        _drop(folder)
    began = time.perf_counter()
    method = read_method(folder, speed_library.NAME).method
    opened = time.perf_counter() - began
    references = method.sets[Technique.RAMAN]
    seen = references.entries[5].spectrum
    noise = np.random.default_rng(0).normal(0.0, 1e-3, seen.axis.size) * np.ptp(seen.intensity)
    began = time.perf_counter()
    answer = identify(Spectrum(seen.axis, seen.intensity + noise, Technique.RAMAN), method, now=NOW)
    first = time.perf_counter() - began
    told = {
        "references": len(references.entries),
        "opened_s": round(opened, 3),
        "first_identification_s": round(first, 3),
        "named": answer.components[0].reference_id if answer.components else "",
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }
    print(json.dumps(told))


def _drop(folder: Path) -> None:
    """Have the system forget the files of a folder."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
