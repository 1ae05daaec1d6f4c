"""Identify many scans in a process of its own: how long each takes, and how much memory stays resident.

    speed_identify.py SHARED FOLDER SCANS

Folder: where `speed_library.py` stored a method. Prints one JSON object. To be started with one BLAS thread, as
the command line does.
"""

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import speed_library
import speed_references

from library.method_store import read_method
from spectra import steps
from spectra.formats import decode
from spectra.identification import identify
from spectra.values import FloatArray, Spectrum, Technique

NOW = "2026-11-21T12:00:00Z"

Pair = tuple[Spectrum, Spectrum | None]


def main() -> None:
    """Open a method, identify, and say how it went."""
    shared, folder, scans = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    began = time.monotonic()
    method = read_method(folder, speed_library.NAME).method
    opened = time.monotonic() - began
    queries = _queries(shared, scans)
    gc.collect()
    for query, blank in queries[:3]:
        identify(query, method, now=NOW, blank=blank)
    resident = _resident()
    taken, named = [], 0
    for query, blank in queries:
        start = time.perf_counter()
        answer = identify(query, method, now=NOW, blank=blank)
        taken.append(time.perf_counter() - start)
        resident = max(resident, _resident())
        named += any(component.role == "content" for component in answer.components)
    found: dict[str, Any] = {
        "references": len(method.sets[Technique.RAMAN].entries),
        "scans": len(taken),
        "behind a container": sum(blank is not None for _, blank in queries),
        "something named": named,
        "opened_s": round(opened, 2),
        "median_ms": round(float(np.median(taken)) * 1e3, 2),
        "p99_ms": round(float(np.quantile(taken, 0.99, method="higher")) * 1e3, 2),
        "longest_ms": round(max(taken) * 1e3, 2),
        "resident_mb": round(resident / 1e6, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }
    print(json.dumps(found))


def _resident() -> int:
    """Return how many bytes of this process are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _queries(shared: Path, scans: int) -> list[Pair]:
    """Return the real scans of a handheld with their blanks, and as many simulated ones as are wanted."""
    folder = shared / "data" / "raman785-sig-container"
    read = {path.name: _read(path) for path in sorted(folder.glob("*.csv")) if "WP-00438" not in path.name}
    pairs: list[Pair] = []
    for name, spectrum in read.items():
        blank = next((f"{mm}mmHDPE.csv" for mm in (2, 4) if f"{mm}mmHDPE" in name), None)
        pairs.append((spectrum, None if blank in {None, name} else read[blank]))
    # the first of the references: what is generated does not depend on how many
    axis, made = speed_references.generate(shared, 100)
    rng = np.random.default_rng(1)
    container = read["2mmHDPE.csv"]
    holder = np.interp(axis, container.axis, container.intensity)
    empty = Spectrum(axis, holder + rng.normal(0, 1e-3, axis.size) * np.ptp(holder), Technique.RAMAN)
    while len(pairs) < scans:
        pairs.append(_simulated(axis, made, holder, empty, rng))
    return pairs[:scans]


def _simulated(
    axis: FloatArray, made: FloatArray, holder: FloatArray, empty: Spectrum, rng: np.random.Generator
) -> Pair:
    """Mix up to three generated references, broadened and shifted, with noise; half behind a container."""
    chosen = rng.choice(len(made), size=int(rng.integers(1, 4)), replace=False)
    content = rng.dirichlet(np.ones(chosen.size)) @ made[chosen]
    content = np.interp(axis - rng.uniform(-2, 2), axis, content)
    content = steps.broaden(content, fwhm=float(rng.uniform(0, 12)), spacing=float(axis[1] - axis[0]))
    behind = bool(rng.random() < 0.5)
    total = np.ptp(holder) * content + (holder if behind else 0.2 * np.ptp(holder) * np.exp(-axis / 600))
    noise = np.ptp(holder) / float(np.exp(rng.uniform(np.log(20), np.log(500))))
    scan = Spectrum(axis, total + rng.normal(0, noise, axis.size), Technique.RAMAN, laser_nm=785.0)
    return scan, empty if behind else None


def _read(path: Path) -> Spectrum:
    (decoded,) = decode(path.read_bytes(), name=path.name, technique=Technique.RAMAN, laser_nm=785.0)
    return decoded.spectrum


if __name__ == "__main__":
    main()
