"""Simulated trials: which mixture is scanned how often, at which share, each from a seed of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import SpectrumMismatch, ValueRangeError
from .references import ReferenceEntry
from .simulation import detector_axis, mix
from .values import Spectrum

#: How a simulated instrument differs from those of the references: extra line widths (FWHM, cm⁻¹), one of
#: which is drawn, and the largest shift (cm⁻¹, uniform to both sides). Chosen, the same for all figures.
EXTRA_FWHM = (0.0, 4.0, 8.0)
MAX_SHIFT = 1.0

#: Trials of one plan; more is a mistyped number.
MAX_TRIALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a target is mixed with."""

    name: str
    """How tables call it."""
    entries: tuple[ReferenceEntry, ...]
    """References that take turns, one a scan."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulated scan to be made."""

    target: ReferenceEntry | None
    """What is looked for; None for a blank, the matrix alone."""
    matrix: Matrix
    """What it is mixed with."""
    cut: ReferenceEntry
    """The matrix's reference whose turn it is."""
    share: float
    """Share of the target in the spectral area, 0 to 1."""
    key: tuple[int, ...]
    """Seed of this trial, so that it is the same whatever else is planned after it."""

    @property
    def truth(self) -> tuple[str, ...]:
        """Names of the substances in it, the target first."""
        parts = [self.target.substance.name] if self.target is not None else []
        return (*parts, self.cut.substance.name) if self.share < 1.0 else tuple(parts)

    def scan(self, *, snr: float, fluorescence: float = 0.0) -> Spectrum:
        """Simulate it on an instrument drawn at random: one of `EXTRA_FWHM`, a shift within `MAX_SHIFT`.

        Raises
        ------
        ValueRangeError, SpectrumMismatch
            As `spectra.simulation.mix` and `spectra.simulation.detector_axis`.
        """
        rng = np.random.default_rng(self.key)
        parts = [(self.target, self.share), (self.cut, 1.0 - self.share)]
        there = [(entry, share) for entry, share in parts if entry is not None and share > 0]
        entries = [entry for entry, _ in there]
        return mix(
            entries,
            [share for _, share in there],
            axis=detector_axis(entries),
            snr=snr,
            extra_fwhm=float(rng.choice(EXTRA_FWHM)),
            shift=float(rng.uniform(-MAX_SHIFT, MAX_SHIFT)),
            fluorescence=fluorescence,
            rng=rng,
        )


def plan(
    targets: Sequence[ReferenceEntry],
    matrices: Sequence[Matrix],
    shares: Sequence[float],
    *,
    scans: int,
    seed: int = 0,
) -> tuple[Trial, ...]:
    """Plan scans of every target in every matrix at every share, and as many of every matrix alone.

    Parameters
    ----------
    targets
        References of what is looked for.
    matrices
        What they are mixed with; a target is not mixed with itself.
    shares
        Shares of the target, above 0 to 1.
    scans
        Scans of each combination.
    seed
        The same plan and seed give the same scans.

    Raises
    ------
    ValueRangeError
        Nothing to scan, a share out of range, or more than `MAX_TRIALS` scans.
    SpectrumMismatch
        A target and its matrices share no technique.
    """
    if not targets or not matrices or not shares or scans < 1 or seed < 0:
        raise ValueRangeError("a simulation needs targets, matrices, shares, scans and a seed from 0 on")
    if not all(0.0 < share <= 1.0 for share in shares):
        raise ValueRangeError(f"shares must be above 0 and at most 1, got {list(shares)}")
    if len(matrices) * (len(targets) * len(shares) + 1) * scans > MAX_TRIALS:
        raise ValueRangeError(f"more than {MAX_TRIALS} scans to simulate: ask for fewer")
    return tuple(_planned(targets, matrices, shares, scans, seed))


def _planned(
    targets: Sequence[ReferenceEntry],
    matrices: Sequence[Matrix],
    shares: Sequence[float],
    scans: int,
    seed: int,
) -> Iterator[Trial]:
    for m, matrix in enumerate(matrices):
        for t, target in enumerate(targets):
            cuts = _others(target, matrix)
            for s, share in enumerate(shares):
                for n in range(scans):
                    yield Trial(target, matrix, cuts[n % len(cuts)], share, (seed, 1, m, t, s, n))
        for n in range(scans):
            yield Trial(None, matrix, matrix.entries[n % len(matrix.entries)], 0.0, (seed, 0, m, n))


def _others(target: ReferenceEntry, matrix: Matrix) -> tuple[ReferenceEntry, ...]:
    """Return what of a matrix a target can be mixed with: its technique, its range, another substance."""
    cuts = tuple(cut for cut in matrix.entries if _mixes(target, cut))
    if not cuts:
        raise SpectrumMismatch(
            f"{target.substance.name} cannot be mixed with {matrix.name}: no other substance of its "
            f"technique ({target.technique}) and range in it"
        )
    return cuts


def _mixes(target: ReferenceEntry, cut: ReferenceEntry) -> bool:
    names = {target.substance.name, *target.equivalents}
    if cut.technique is not target.technique or names & {cut.substance.name, *cut.equivalents}:
        return False
    try:
        detector_axis((target, cut))
    except SpectrumMismatch:
        return False
    return True
