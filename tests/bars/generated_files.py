"""Generated JCAMP-DX files with known faults: what an import of thousands is measured on. All of it is made up."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from library.starter import pseudo_voigt, starter_entries
from spectra.formats import encode_jcamp
from spectra.references import ReferenceEntry
from spectra.values import FloatArray, Spectrum, Technique

#: Axis of the generated files, cm⁻¹: as long as that of the open library of real files.
AXIS = np.arange(300.0, 2301.0)
#: One file in so many has each of the faults.
EVERY = 100
FAULTS = ("flat", "no_signal", "saturated", "cosmic_rays", "axis_suspect", "weak")


def generate(folder: Path, count: int, *, seed: int = 1) -> dict[str, list[str]]:
    """Write files into a folder; return the names of those with each fault.

    Half are noisy, slightly shifted copies of starter references under their names, half are random spectra
    under names of their own.
    """
    folder.mkdir()
    rng = np.random.default_rng(seed)
    known = [entry for entry in starter_entries() if entry.technique is Technique.RAMAN]
    faulty: dict[str, list[str]] = {fault: [] for fault in FAULTS}
    for number in range(count):
        entry = known[number % len(known)] if number % 2 == 0 else None
        fault = FAULTS[number // EVERY % len(FAULTS)] if number % EVERY == 0 else ""
        title, y = _spectrum(entry, number, rng, 12.0 if fault == "axis_suspect" else 0.0)
        name = f"{number:05d}.jdx"
        y = _with(fault, y, rng)
        spectrum = Spectrum(axis=AXIS, intensity=np.round(y, 2), technique=Technique.RAMAN, laser_nm=785.0)
        (folder / name).write_bytes(encode_jcamp(spectrum, title))
        if fault:
            faulty[fault].append(name)
    return faulty


def _spectrum(
    entry: ReferenceEntry | None, number: int, rng: np.random.Generator, shift: float
) -> tuple[str, FloatArray]:
    if entry is None:
        count = int(rng.integers(6, 30))
        bands = [rng.uniform(*limits, count) for limits in ((350, 2200), (7, 25), (0.05, 1), (0, 1))]
        return f"Generated {number}", 30_000.0 * pseudo_voigt(AXIS, *bands)
    shift += float(rng.uniform(-1.5, 1.5))
    return entry.substance.name, 30_000.0 * np.interp(
        AXIS - shift, entry.spectrum.axis, entry.spectrum.intensity
    )


def _with(fault: str, light: FloatArray, rng: np.random.Generator) -> FloatArray:
    background = 3_000.0 * np.exp(-((AXIS - rng.uniform(300, 1500)) ** 2) / 1e6)
    y: FloatArray = light + background + rng.normal(0, 40.0, AXIS.size)
    makes: dict[str, Callable[[], FloatArray]] = {
        "flat": lambda: np.full(AXIS.size, 100.0),
        "no_signal": lambda: rng.normal(1000.0, 40.0, AXIS.size),
        "saturated": lambda: np.minimum(y, np.sort(y)[-12]),
        "cosmic_rays": lambda: y + 20_000.0 * (np.arange(AXIS.size) == 1333),
        "weak": lambda: background + light / 60.0 + rng.normal(0, 40.0, AXIS.size),
    }
    return makes[fault]() if fault in makes else y
