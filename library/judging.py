"""What a draft amounts to: do its replicates agree, what is their average, how good is it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d

from spectra.errors import SpectraError
from spectra.formats import Decoded
from spectra.noise import noise_of
from spectra.recipe import default_recipe, prepare
from spectra.references import Grade, ReferenceEntry
from spectra.values import FloatArray, Spectrum, Technique

from .describing import Described, describe
from .drafts import Draft, Replicate, Sample
from .errors import DraftError
from .importing import reference_id
from .manifest import Row
from .quality import check_entries
from .quality_codes import CODES, Severity
from .quality_values import EntryQuality, Finding
from .substances import PACKAGING, SubstanceTable

#: Least squared cosine between two replicates after the recipe. Chosen between two measurements: simulated
#: replicates of the 80 Raman starter spectra reach 0.946 and more at a signal-to-noise ratio of 50 (0.877 at
#: 30, 0.735 at 20), and the highest of two different compounds there is 0.890.
#: Measured: ibuprofen twice with one unit 0.985 and 0.996, bare against in a vial 0.85.
LEAST_AGREEMENT = 0.90
#: A cosmic ray strikes no channel twice: spikes this many channels from one in half of the other replicates
#: are a sharp band. Chosen.
SAME_SPIKE = 2
#: What varies more slowly than this between replicates, in channels, is background and coupling, not noise;
#: and the variance of neighbouring channels is taken together over so many. Chosen.
SLOW, POOLED = 51, 5


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a draft."""

    entry: ReferenceEntry
    """The entry it would become, without an authentication."""
    described: Described
    """What the substance table knows of its substance."""
    quality: EntryQuality
    """What quality control says of that entry."""
    agreement: float | None
    """Least squared cosine between two replicates; None for a single one."""
    least: tuple[str, str]
    """The two replicates that agree least, in words; empty for a single one."""

    @property
    def agrees(self) -> bool:
        """Whether all replicates are of one thing."""
        return self.agreement is None or self.agreement >= LEAST_AGREEMENT

    def of(self, *severities: Severity) -> tuple[Finding, ...]:
        """Return the findings of these severities."""
        return tuple(one for one in self.quality.findings if one.severity in severities)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "reference_id": self.entry.reference_id,
            "agreement": None if self.agreement is None else round(self.agreement, 4),
            "agreement_least": LEAST_AGREEMENT,
            "agreement_between": list(self.least),
            "figures": self.quality.figures.to_json(),
            "findings": [one.to_json() for one in self.quality.findings],
        }


def judged(replicate: Replicate, draft: Draft, table: SubstanceTable) -> Replicate:
    """Return a replicate with its signal-to-noise ratio, refused where quality control refuses it."""
    entry = _entry(draft, replace(draft.spectrum_of(replicate), history=()), _described(draft, table))
    quality = check_entries([entry], table=table).entries[0]
    refusing = [one for one in quality.findings if one.severity is Severity.REFUSE]
    return replace(
        replicate,
        snr=quality.figures.snr,
        refused=tuple(one.code for one in refusing),
        words=" ".join(f"{CODES[one.code].text} {CODES[one.code].next_step}" for one in refusing),
    )


def without_struck(draft: Draft, table: SubstanceTable) -> Draft:
    """Return a draft in which replicates with cosmic rays are refused; the scans stay named in it.

    A spike that half of the other replicates show too is a sharp band and stays.
    """
    kept = draft.kept
    known = _described(draft, table)
    channels = [_spiked(draft, one, known, table) for one in kept]
    struck: dict[str, Replicate] = {}
    for place, one in enumerate(kept):
        others = [found for index, found in enumerate(channels) if index != place]
        alone = [i for i in channels[place] if _shared(i, others) * 2 < len(others)]
        if others and alone:
            where = ", ".join(f"{draft.axis[i]:.0f}" for i in alone[:8])
            words = f"It holds cosmic rays: {len(alone)}, at {where} cm⁻¹."
            struck[one.scan_id] = replace(one, refused=("cosmic_rays",), words=words)
    if not struck:
        return draft
    return replace(draft, replicates=tuple(struck.get(one.scan_id, one) for one in draft.replicates))


def judge(
    draft: Draft, *, held: Iterable[ReferenceEntry] = (), table: SubstanceTable | None = None
) -> Judgement:
    """Judge a draft by the replicates that count.

    Parameters
    ----------
    draft
        The draft.
    held
        Entries of the library it is for; only compared with.
    table
        Substance table; the shipped one when None.

    Raises
    ------
    DraftError
        No replicate counts.
    """
    table = table or SubstanceTable.shipped()
    if not draft.kept:
        raise DraftError("no replicate of it can be used; measure again")
    known = _described(draft, table)
    entry = _entry(draft, average(draft), known)
    quality = check_entries([entry], held=held, table=table).entries[0]
    agreement, least = agreement_of(draft)
    return Judgement(entry, known, quality, agreement, least)


def agreement_of(draft: Draft) -> tuple[float | None, tuple[str, str]]:
    """Return the least squared cosine between two replicates after the default recipe, and which two.

    Returns
    -------
    float or None
        0 to 1, not mean-centred; None for fewer than two replicates.
    tuple
        Both replicates in words; empty texts for fewer than two.
    """
    kept, recipe = draft.kept, default_recipe(draft.technique)
    if len(kept) < 2:
        return None, ("", "")
    try:
        rows = [prepare(draft.spectrum_of(one), recipe).values for one in kept]
    except SpectraError as error:
        raise DraftError(f"its replicates cannot be compared: {error}") from error
    found = {
        (i, j): max(float(rows[i] @ rows[j]), 0.0) ** 2 / max(_square(rows[i]) * _square(rows[j]), 1e-300)
        for i, j in combinations(range(len(rows)), 2)
    }
    first, second = min(found, key=lambda pair: (found[pair], pair))
    return min(found[first, second], 1.0), (kept[first].place, kept[second].place)


def average(draft: Draft) -> Spectrum:
    """Return the mean of the replicates that count, with the noise of that mean.

    Each replicate is first divided by its least-squares factor against the mean: how much light was coupled
    in differs from spot to spot. The noise of a channel is the standard error of its mean: standard deviation
    over replicates less what varies slowly along the axis (`SLOW`), variances pooled over `POOLED`
    channels, over √n. Below three replicates it is that of `spectra.noise.noise_of`, over √n.
    """
    kept = draft.kept
    rows = np.stack([one.intensity for one in kept])
    mean = rows.mean(axis=0)
    # Infrared is absorbance: its size is a fact of the sample, and stays.
    if draft.technique is Technique.RAMAN and _square(mean) > 0:
        factors = rows @ mean / _square(mean)
        if (factors > 0).all():
            rows = rows / factors[:, None]
    mean = rows.mean(axis=0)
    words = f"mean of replicates: {len(kept)}, spots: {draft.spots}, days: {draft.days}"
    unit = (
        "counts per second"
        if any(one.exposure_s > 0 for one in kept) and draft.technique is Technique.RAMAN
        else "as the device gives them"
    )
    history = (*_common(kept), f"{words}, intensities {unit}", *_emulated(draft))
    return Spectrum(
        draft.axis,
        mean,
        draft.technique,
        noise=_noise(rows, mean),
        laser_nm=draft.laser_nm,
        resolution_cm1=draft.resolution_cm1,
        history=history,
    )


def _noise(rows: FloatArray, mean: FloatArray) -> FloatArray:
    count = len(rows)
    if count < 3:
        return np.asarray(noise_of(rows).mean(axis=0) / np.sqrt(count), dtype=np.float64)
    apart = rows - mean
    apart = apart - uniform_filter1d(apart, SLOW, axis=1, mode="nearest")
    variance = uniform_filter1d((apart**2).sum(axis=0) / (count - 1), POOLED, mode="nearest")
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) / count), dtype=np.float64)


def _common(kept: Sequence[Replicate]) -> tuple[str, ...]:
    """Return the steps all replicates have in common, in the order of the first."""
    return tuple(step for step in kept[0].history if all(step in one.history for one in kept))


def _emulated(draft: Draft) -> tuple[str, ...]:
    return ("measured by an emulated device: no real sample",) if draft.device.emulated else ()


def _square(row: FloatArray) -> float:
    return float(row @ row)


def _spiked(draft: Draft, one: Replicate, known: Described, table: SubstanceTable) -> list[int]:
    entry = _entry(draft, draft.spectrum_of(one), known)
    places = check_entries([entry], table=table).entries[0].figures.spikes_cm1
    return [int(np.argmin(np.abs(draft.axis - place))) for place in places]


def _shared(channel: int, others: Iterable[Sequence[int]]) -> int:
    return sum(any(abs(channel - other) <= SAME_SPIKE for other in found) for found in others)


def _described(draft: Draft, table: SubstanceTable) -> Described:
    sample = draft.sample
    row = Row("measured", name=sample.substance, form=sample.form, **_facts(sample))
    if problem := row.problem():
        raise DraftError(problem.removeprefix("manifest.csv says "))
    bare = Spectrum(draft.axis, np.zeros(draft.axis.size), draft.technique)
    return describe("measured", Decoded(bare, "measured", sample.substance), row, table)


def _facts(sample: Sample) -> dict[str, str]:
    return {name: getattr(sample, name) for name in ("substance_class", "schedule", "cas", "inchikey")}


def _entry(draft: Draft, spectrum: Spectrum, known: Described) -> ReferenceEntry:
    sample, device = draft.sample, draft.device
    words = (device.model, device.serial, "(emulated)" if device.emulated else "")
    source = ", ".join(
        part
        for part in (
            f"measured at this laboratory by {' and '.join(draft.operators)}",
            f"sample {sample.sample}" if sample.sample else "",
            f"lot {sample.lot}" if sample.lot else "",
            sample.supplier,
        )
        if part
    )
    return ReferenceEntry(
        reference_id=reference_id(known.substance.name, spectrum),
        substance=known.substance,
        spectrum=spectrum,
        grade=Grade.MEASURED,
        form=known.form,
        packaging=known.preferred_name in PACKAGING,
        instrument=" ".join(word for word in words if word),
        source=source,
        licence=sample.licence,
    )
