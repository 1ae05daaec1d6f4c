"""Simulated scans of real references for the bars of identification, and how they are asked about.

Everything here starts from measured spectra of the shared data and is perturbed: figures made with it are
labelled *simulated*. What a share, an SNR and a mismatch mean is told in the panels' README.
"""

import csv
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from figures import Sheet, progress

from library.importing import import_folder
from library.methods import fit_method
from library.store import Library, write_library
from spectra.formats import decode
from spectra.identification import InstrumentState, identify
from spectra.method import Method
from spectra.references import ReferenceEntry
from spectra.simulation import detector_axis, mix
from spectra.validation import clopper_pearson
from spectra.values import Spectrum, Technique

NOW = "2026-11-22T12:00:00Z"
#: An instrument nothing is wrong with, so that only the scan decides.
VERIFIED = InstrumentState("verified", "", NOW)
#: Two cores, one BLAS thread each.
WORKERS = 2
#: The same compound twice under two names in the shared library (its SOURCE.md).
TWINS = {
    "2-propanol": "isopropanol",
    "methyl ethyl ketone": "2-butanone",
    "citric acid anhydrate": "citric acid",
}


@dataclass(frozen=True, slots=True)
class Real:
    """The real library and its method, with shipped defaults."""

    library: Library
    method: Method

    def entry(self, name: str) -> ReferenceEntry:
        """Return the reference of a substance."""
        return next(e for e in self.library.entries if e.substance.name.casefold() == name.casefold())


def real(sheet: Sheet) -> Real:
    """Import the real library and fit its method; kept between bars by the digest of all it depends on."""
    shared = sheet.needs_shared()
    path = sheet.work / "real.h5"
    entries = import_folder(shared / "data" / "raman785-library").entries
    library = write_library(path, entries, name="raman785")
    progress("fitting the method of the real library")
    return Real(library, fit_method(library, cache=sheet.work.parent / "methods", workers=WORKERS))


def known_as(name: str) -> str:
    """Return one name for the twins of the shared library."""
    folded = name.casefold()
    return TWINS.get(folded, folded)


def pairs(sheet: Sheet, panel: str) -> list[tuple[str, str]]:
    """Return major and minor of a panel of pairs."""
    with (sheet.needs_shared() / "panels" / panel).open(encoding="utf-8", newline="") as file:
        return [(row["major"], row["minor"]) for row in csv.DictReader(file)]


def spectrum(path: Path, technique: Technique = Technique.RAMAN) -> Spectrum:
    """Read the one spectrum of a file."""
    return decode(path.read_bytes(), name=path.name, technique=technique)[0].spectrum


def simulated(
    entries: Sequence[ReferenceEntry], shares: Sequence[float], rng: np.random.Generator, **how: float
) -> Spectrum:
    """Return a simulated scan: SNR 100, no extra width, shifted by U(−1, 1) cm⁻¹ where nothing else is said."""
    told: dict[str, float] = {"snr": 100.0, "shift": float(rng.uniform(-1.0, 1.0)), **how}
    return mix(entries, shares, axis=detector_axis(entries), rng=rng, **told)


_WORK: Callable[[Any], Any]


def _work(job: Any) -> Any:
    return _WORK(job)


def in_parallel(work: Callable[[Any], Any], jobs: Iterable[Any]) -> list[Any]:
    """Return what a function says to each job, in order, over two processes."""
    global _WORK
    _WORK = work
    # Workers end by the plain signal: the parent's handler, inherited, left one waiting for ever once.
    plain = partial(signal.signal, signal.SIGTERM, signal.SIG_DFL)
    with multiprocessing.get_context("fork").Pool(WORKERS, plain) as pool:
        found = pool.map(_work, list(jobs), chunksize=8)
        pool.close()
        pool.join()
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer names."""

    verdict: str
    reasons: tuple[str, ...]
    content: frozenset[str]
    """Contents named, twins under one name."""
    container: frozenset[str]
    """Containers named."""
    offered: frozenset[str]
    """Alternatives offered beside the names."""
    groups: tuple[frozenset[str], ...]
    """Each name with its alternatives: one answer."""
    unexplained: bool

    def wrong(self, truth: set[str]) -> bool:
        """Whether an answer names what is not there, alternatives counting as the same answer."""
        return any(group.isdisjoint(truth) for group in self.groups)

    @property
    def named(self) -> frozenset[str]:
        return self.content | self.container


def ask(scan: Spectrum, method: Method, blank: Spectrum | None = None) -> Said:
    """Identify a scan on a verified instrument."""
    answer = identify(scan, method, blank=blank, now=NOW, state=VERIFIED)
    by_role: dict[str, set[str]] = {"content": set(), "container": set()}
    for one in answer.components:
        by_role[one.role].add(known_as(one.substance))
    offered = {known_as(name) for one in answer.components for name in one.alternatives}
    return Said(
        str(answer.verdict),
        answer.reasons,
        frozenset(by_role["content"]),
        frozenset(by_role["container"]),
        frozenset(offered),
        tuple(
            frozenset(known_as(name) for name in (one.substance, *one.alternatives))
            for one in answer.components
        ),
        "unexplained_residual" in answer.reasons,
    )


def percent(hits: int, total: int) -> str:
    """Say a rate with its exact 95 % interval."""
    low, high = clopper_pearson(hits, total)
    share = hits / total if total else 0.0
    return f"{100 * share:.1f} % ({hits}/{total}; 95 %: {100 * low:.1f}–{100 * high:.1f})"
