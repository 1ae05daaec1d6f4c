"""What a draft amounts to: do its replicates agree, what is their average, how good is it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from spectra.errors import SpectraError
from spectra.formats import Decoded
from spectra.recipe import default_recipe, prepare
from spectra.references import Grade, ReferenceEntry
from spectra.values import Spectrum

from .averaging import average
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
    unit = np.stack([row / max(float(np.linalg.norm(row)), 1e-300) for row in rows])
    squared = np.clip(unit @ unit.T, 0.0, 1.0) ** 2
    first, second = min(combinations(range(len(rows)), 2), key=lambda pair: (squared[pair], pair))
    return float(squared[first, second]), (kept[first].place, kept[second].place)


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
