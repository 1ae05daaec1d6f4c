"""Adaptive scans against scans of ten accumulations: how much exposure is saved, and at which errors.

Detector physics of the emulators in this process, so that hundreds of scans take minutes. Each pair of
scans begins with the same noise. A scan errs when it names what is not there, when a watch-list substance
that is there raises no alarm on a strong sample, or when a strong sample of the library is not named.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from emulated_bench import LASER_NM, POWER_MW, DetectorBench
from figures import Sheet, progress, run
from scipy.stats import fisher_exact

from calibration.apply import spectrum_of
from instrument.acquisition import take_scan
from instrument.scan_plan import ScanPlan
from library.methods import TRAINING_TARGETS, training_method
from library.starter import starter_entries
from service.bench.adaptive import StopRule
from service.looking import identify_look, scan_rate
from spectra.method import Method
from spectra.references import ReferenceEntry
from spectra.values import Technique

LIMIT = 10
SHARE = 0.40
FEWEST = 300
#: Kind of sample → brightness, fluorescence. A medium one gives a tenth of the light on a background.
KINDS = {"strong": (1.0, 0.0), "medium": (0.1, 0.2), "empty": (0.0, 0.0)}
#: Scans of each substance of a kind; of the empty place in all.
TIMES = {"strong": 10, "medium": 3, "empty": 30}
#: Harmless references scanned besides the two training targets.
OTHERS = 30
COSMIC_RATE = 0.2
#: What stands for a watch-list substance that may not be named.
WITHHELD = "(name withheld)"
#: Differences of errors with a lesser probability than this are no chance.
CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """What stands before the probe."""

    substance: str
    kind: str
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scan of it gave."""

    case: Case
    accumulations: int
    signal_s: float
    """Exposure of the accumulations, s."""
    exposure_s: float
    """Exposure of all frames, dark and probe frames among them, s."""
    verdict: str
    named: tuple[str, ...]
    error: str
    """What is wrong with the answer; empty for nothing."""

    @property
    def outcome(self) -> str:
        """``wrong``, ``inconclusive`` or ``right``."""
        return "wrong" if self.error else "inconclusive" if self.verdict == "inconclusive" else "right"


def measure(sheet: Sheet) -> None:
    """Take every case both ways and compare."""
    home = sheet.work / "home"
    training_method(home)
    cases = list(_cases())
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        pairs = []
        for pair in pool.map(_both, [home] * len(cases), cases, chunksize=4):
            pairs.append(pair)
            if len(pairs) % 50 == 0:
                progress(f"{len(pairs)}/{len(cases)} pairs of scans")
    sheet.add("pairs of emulated scans", f"≥ {FEWEST}", str(len(pairs)), passed=len(pairs) >= FEWEST)
    for kind in KINDS:
        _tell_kind(sheet, kind, [pair for pair in pairs if pair[0].case.kind == kind])
    errors = [sum(bool(one.error) for one in side) for side in zip(*pairs, strict=True)]
    table = [[count, len(pairs) - count] for count in errors]
    chance = float(fisher_exact(table, alternative="greater").pvalue)
    sheet.add(
        "errors of adaptive scans, of all kinds",
        f"≤ {errors[1]} (fixed) but for chance",
        f"{errors[0]}, probability {chance:.2f}",
        passed=errors[0] <= errors[1] or chance >= CHANCE,
    )
    sheet.facts["errors"] = [repr(one) for pair in pairs for one in pair if one.error]
    _tell_table(sheet, pairs)


Pair = tuple[Outcome, Outcome]


def _cases() -> Iterator[Case]:
    seed = 20261121
    for entry in _samples():
        for kind in ("strong", "medium"):
            for _ in range(TIMES[kind]):
                seed += 1
                yield Case(entry.substance.name, kind, seed)
    for _ in range(TIMES["empty"]):
        seed += 1
        yield Case("", "empty", seed)


@cache
def _samples() -> tuple[ReferenceEntry, ...]:
    """Return the two training targets and evenly spaced others of the shipped Raman references."""
    raman = sorted(
        (entry for entry in starter_entries() if entry.technique is Technique.RAMAN),
        key=lambda entry: entry.substance.name.casefold(),
    )
    targets = [entry for entry in raman if entry.substance.name.casefold() in TRAINING_TARGETS]
    others = [entry for entry in raman if entry not in targets and not entry.packaging]
    step = len(others) / OTHERS
    return (*targets, *(others[int(number * step)] for number in range(OTHERS)))


@cache
def _method(home: Path) -> Method:
    return training_method(home)


def _one_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _both(home: Path, case: Case) -> Pair:
    return _scan(_method(home), case, adaptive=True), _scan(_method(home), case, adaptive=False)


def _scan(method: Method, case: Case, *, adaptive: bool) -> Outcome:
    brightness, fluorescence = KINDS[case.kind]
    entry = next((one for one in _samples() if one.substance.name == case.substance), None)
    bench = DetectorBench(
        entry.spectrum if entry else None,
        brightness=brightness,
        fluorescence=fluorescence,
        seed=case.seed,
        cosmic_rate=COSMIC_RATE,
    )
    plan = ScanPlan(accumulations=LIMIT, power_mw=POWER_MW, laser_nm=LASER_NM)
    rule = StopRule(method, limit=LIMIT) if adaptive else None
    scan = take_scan(bench, bench.beam, plan, enough=rule)
    whole = scan_rate(method, scan.technique, 1)
    rate = float(rule.record["rate"]) if rule is not None else whole
    found = identify_look(spectrum_of(scan), method, rate, whole=whole, now="2026-01-01T00:00:00Z")
    named = tuple(one.substance for one in found.components if one.role == "content")
    allowed = {case.substance, *(entry.equivalents if entry else ())}
    return Outcome(
        case,
        len(scan.counts),
        len(scan.counts) * scan.exposure_s,
        bench.lit_s + bench.dark_s,
        str(found.verdict),
        named,
        _error(case, str(found.verdict), named, allowed),
    )


def _error(case: Case, verdict: str, named: tuple[str, ...], allowed: set[str]) -> str:
    is_target = case.substance.casefold() in TRAINING_TARGETS
    wrong = sorted(set(named) - allowed - ({WITHHELD} if is_target else set()))
    if wrong:
        return f"named {', '.join(wrong)}"
    if verdict.startswith("alarm") and not is_target:
        return f"false alarm ({verdict})"
    if case.kind == "strong" and is_target and verdict != "alarm_named":
        return f"no alarm on a strong target ({verdict})"
    if case.kind == "strong" and not named:
        return "a strong sample of the library was not named"
    return ""


def _tell_kind(sheet: Sheet, kind: str, pairs: list[Pair]) -> None:
    adaptive, fixed = zip(*pairs, strict=True)
    what = f"{kind}, {len(pairs)} scans: exposure, of that of {LIMIT} accumulations"
    if kind == "strong":
        sheet.at_most(what, 100 * SHARE, 100 * _share(pairs), "%")
        wrong = [sum(bool(one.error) for one in side) for side in (adaptive, fixed)]
        sheet.add("strong: errors", f"≤ {wrong[1]} (fixed)", str(wrong[0]), passed=wrong[0] <= wrong[1])
    else:
        sheet.tell(what, f"{100 * _share(pairs):.0f} %")
    sheet.tell(f"{kind}: the same with dark and probe frames", f"{100 * _share(pairs, 'exposure_s'):.0f} %")
    for words, side in (("adaptive", adaptive), ("fixed", fixed)):
        sheet.tell(f"{kind}, {words}", _words(Counter(one.outcome for one in side)))


def _share(pairs: list[Pair], what: str = "signal_s") -> float:
    return sum(getattr(one, what) for one, _ in pairs) / sum(getattr(one, what) for _, one in pairs)


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[word]} {word}" for word in ("right", "inconclusive", "wrong"))


def _tell_table(sheet: Sheet, pairs: list[Pair]) -> None:
    rows = []
    for key in dict.fromkeys((pair[0].case.substance, pair[0].case.kind) for pair in pairs):
        chosen = [pair for pair in pairs if (pair[0].case.substance, pair[0].case.kind) == key]
        adaptive, fixed = zip(*chosen, strict=True)
        rows.append(
            {
                "sample": key[0] or "(empty)",
                "kind": key[1],
                "scans": len(chosen),
                "mean_accumulations": round(sum(one.accumulations for one in adaptive) / len(chosen), 2),
                "share_of_exposure": round(_share(chosen), 3),
                "adaptive": _words(Counter(one.outcome for one in adaptive)),
                "fixed": _words(Counter(one.outcome for one in fixed)),
            }
        )
    sheet.facts["table"] = rows
    sheet.table(
        ("sample", "kind", "scans", "mean acc.", "exposure", "adaptive", "fixed"),
        [tuple(str(value) for value in row.values()) for row in rows],
    )


if __name__ == "__main__":
    run(measure)
