"""The parcels of the demonstration: what is in them, and which answers would be right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from library.starter import starter_entries
from spectra.values import Spectrum, Technique

#: The bag some parcels of the demonstration are screened through, and its share of the light.
BAG = "Polyethylene"


@dataclass(frozen=True, slots=True)
class DemoParcel:
    """A parcel with known content."""

    title: str
    """What it shows, for people."""
    item: str
    """Label as the officer scans it."""
    sample: Mapping[str, float]
    """What stands before the probe: substance of the starter library and share of spectral area."""
    verdicts: tuple[str, ...]
    """Verdicts that are right for this truth."""
    content: frozenset[str] = field(default_factory=frozenset)
    """Substances the answer must name as content, no more and no less."""
    reasons: tuple[str, ...] = ()
    """Reasons the answer must give."""
    in_bag: bool = False
    """Whether it is scanned through the bag, with the bag's blank."""
    exposure_s: float | None = None
    """Exposure the officer fixed; None leaves it to the instrument."""
    judge_content: bool = True
    """False where any content is right, for example behind flat-topped bands."""
    brightness: float = 1.0
    """How much light the sample gives, as a share of a typical powder."""

    def judge(self, identification: Mapping[str, Any]) -> str:
        """Return what is wrong with an answer; empty where it is right."""
        named = {c["substance"] for c in identification["components"] if c["role"] == "content"}
        wrong = []
        if identification["verdict"] not in self.verdicts:
            wrong.append(f"verdict {identification['verdict']}, expected {' or '.join(self.verdicts)}")
        if self.judge_content and named != self.content:
            wrong.append(f"content {sorted(named)}, expected {sorted(self.content)}")
        missing = [code for code in self.reasons if code not in identification["reasons"]]
        if missing:
            wrong.append(f"reasons {identification['reasons']} lack {missing}")
        return "; ".join(wrong)


#: Labels are UPU S10 numbers with right check digits, but for the one that shows a damaged label.
PARCELS = (
    DemoParcel("harmless powder", "RR100000017IT", {"lactose": 1.0}, ("no_alarm",), frozenset({"lactose"})),
    DemoParcel("cutting agent", "RR100000025IT", {"caffeine": 1.0}, ("no_alarm",), frozenset({"caffeine"})),
    DemoParcel(
        "two-component mixture",
        "RR100000034IT",
        {"acetaminophen": 0.6, "caffeine": 0.4},
        ("no_alarm",),
        frozenset({"acetaminophen", "caffeine"}),
    ),
    DemoParcel(
        "powder through a polyethylene bag, with blank",
        "RR100000048IT",
        {BAG: 0.6, "sucrose": 0.4},
        ("no_alarm",),
        frozenset({"sucrose"}),
        in_bag=True,
    ),
    DemoParcel(
        "empty bag, with blank",
        "RR100000051IT",
        {BAG: 1.0},
        ("inconclusive",),
        reasons=("container_only",),
        in_bag=True,
    ),
    DemoParcel(
        "hardly any sample",
        "RR100000065IT",
        {"lactose": 1.0},
        ("inconclusive",),
        reasons=("weak_signal",),
        exposure_s=0.02,
        brightness=0.01,
    ),
    DemoParcel(
        "too much light",
        "RR100000079IT",
        {"lactose": 1.0},
        ("inconclusive",),
        reasons=("saturated",),
        exposure_s=8.0,
        judge_content=False,
    ),
    DemoParcel(
        "TRAINING target",
        "RR100000082IT",
        {"Metamizole": 1.0},
        ("alarm_named",),
        frozenset({"Metamizole"}),
    ),
    DemoParcel(
        "TRAINING target in a cut, damaged label",
        "RR100000095IT",
        {"Ketoprofen": 0.35, "lactose": 0.65},
        ("alarm_named",),
        frozenset({"Ketoprofen", "lactose"}),
    ),
)


def sample_spectrum(sample: Mapping[str, float]) -> Spectrum:
    """Mix starter references by spectral area: a derived, not a measured, spectrum.

    Returns
    -------
    Spectrum
        303–2300 cm⁻¹, highest band 1.
    """
    entries = {entry.substance.name: entry.spectrum for entry in starter_entries() if _is_raman(entry)}
    axis = np.arange(303.0, 2300.0)
    total = np.zeros(axis.size)
    for name, share in sample.items():
        row = np.interp(axis, entries[name].axis, entries[name].intensity)
        total += share * row / row.sum()
    return Spectrum(axis, total / total.max(), Technique.RAMAN, laser_nm=785.0, history=("derived mixture",))


def _is_raman(entry: Any) -> bool:
    return bool(entry.technique is Technique.RAMAN)
