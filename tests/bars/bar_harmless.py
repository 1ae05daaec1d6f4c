"""Harmless spectra the library does not hold, under a watch list of two whose references are there."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from figures import Sheet, run
from simulated import Said, ask, in_parallel, known_as, percent, real, spectrum

from spectra.errors import SpectraError
from spectra.method import WatchItem
from spectra.values import Spectrum, Technique

WATCHED = ("Metamizole", "Ketoprofen")
WANTED, MOST = 100, 0.2
#: Measured spectra of other folders: pattern and what to take out of the library for them.
OTHERS = (
    ("raman-calibration/bwtek785/PST*.txt", "polystyrene"),
    ("raman-calibration/bwtek785/*CAL*.txt", "calcium carbonate"),
    ("raman-calibration/bwtek785/S0*_Z050*.txt", "silicon"),
    ("raman785-sig-container/[acei]*[a-z].csv", ""),
    ("vendor-files/*/PST*.txt", "polystyrene"),
    ("vendor-files/openspecy/raman_hdpe.csv", "polyethylene"),
)


def measure(sheet: Sheet) -> None:
    """Ask about each with its substance taken out of the library, on a verified instrument."""
    whole = real(sheet)
    references = whole.method.reference_set(Technique.RAMAN)
    watched = {known_as(name) for name in WATCHED}
    scans: list[tuple[str, str, Spectrum]] = [
        (entry.substance.name, entry.substance.name, entry.spectrum)
        for entry in whole.library.entries
        if known_as(entry.substance.name) not in watched
    ]
    for pattern, out in OTHERS:
        for path in sorted((sheet.needs_shared() / "data").glob(pattern)):
            if "HDPE" in path.name and "hdpe" not in path.name:
                continue
            scans += _read(path, out)

    def one(job: tuple[str, str, Spectrum]) -> Said:
        _, out, scan = job
        keep = [
            row for row, e in enumerate(references.entries) if known_as(e.substance.name) != known_as(out)
        ]
        method = replace(
            whole.method,
            sets={Technique.RAMAN: references.subset(keep)},
            watch_list=tuple(WatchItem(name) for name in WATCHED),
        )
        return ask(scan, method)

    found = in_parallel(one, scans)
    silent = [
        (job[0], said) for job, said in zip(scans, found, strict=True) if said.verdict == "inconclusive"
    ]
    alarms = [job[0] for job, said in zip(scans, found, strict=True) if said.verdict.startswith("alarm")]
    few = len(silent) <= MOST * len(found) and len(found) >= WANTED
    sheet.add(
        "harmless and not in the library: inconclusive",
        f"≤ {MOST:.0%} of ≥ {WANTED}",
        percent(len(silent), len(found)),
        passed=few,
    )
    sheet.none_of("alarms among them", alarms)
    reasons = Counter(reason for _, said in silent for reason in said.reasons)
    sheet.tell("reasons of the inconclusive", ", ".join(f"{name} {n}" for name, n in reasons.most_common()))
    sheet.facts["inconclusive"] = [(name, said.reasons) for name, said in silent]


def _read(path: Path, out: str) -> list[tuple[str, str, Spectrum]]:
    name = out or path.name.split("-")[0].removesuffix(".csv").replace("alkanes", "mineral oil")
    try:
        return [(path.name, name, spectrum(path))]
    except SpectraError:
        return []


if __name__ == "__main__":
    run(measure)
