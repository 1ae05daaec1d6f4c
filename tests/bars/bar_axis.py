"""Axes: a real spectrometer from a wrong guess, and a thousand simulated ones."""

import multiprocessing
import re
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
from bwtek import Raw, read
from figures import Sheet, progress, run
from simulated_instruments import instrument

from calibration.axis import calibrate_axis
from calibration.errors import CalibrationError
from calibration.lines import fit_line
from calibration.outcomes import AxisOutcome
from spectra.axis import polynomial_axis, raman_shift
from spectra.values import Spectrum, Technique

OFFSET_NM, STRETCH = 2.0, 0.01
POLYSTYRENE = (620.9, 795.8, 1001.4, 1031.8, 1155.3, 1602.3)
CALCITE = (1085.9,)
SILICON = 520.5
INSTRUMENTS = 1000
SEED = 6


def measure(sheet: Sheet) -> None:
    """Calibrate what there is."""
    real(sheet, sheet.needs_shared() / "data" / "raman-calibration" / "bwtek785")
    simulated(sheet)


def real(sheet: Sheet, folder: Path) -> None:
    """Calibrate the B&W Tek 785 from its neon lamp, and its laser line from silicon alone."""
    neon = read(folder / "Ne_785nm_x20_50ms.txt")
    wrong = [
        guess(neon, off, stretch) for off, stretch in product((-OFFSET_NM, OFFSET_NM), (-STRETCH, STRETCH))
    ]
    silicon = {path.name: read(path) for path in sorted(folder.glob("S*_iRPlus785_*.txt"))}
    outcomes = [
        [
            calibrate_axis(
                [(neon.counts, "neon")], (scan.counts, "silicon"), guess=one, laser_nm=785.0, saturation=65535
            )
            for scan in silicon.values()
        ]
        for one in wrong
    ]
    lamp = [one[0] for one in outcomes]
    lines = [sum(line.used and line.standard == "Ne" for line in one.lines) for one in lamp]
    worst = max(one.leave_one_out_rms for one in lamp)
    what = "leave-one-line-out RMS, worst of four wrong guesses"
    sheet.add(what, "≤ 0.05 nm", f"{worst:.4f} nm", passed=worst <= 0.05)
    sheet.add("lines used, fewest of four", "≥ 25", str(min(lines)), passed=min(lines) >= 25)
    lasers = [float(np.median([one.laser_nm for one in group])) for group in outcomes]
    spread = [one.laser_nm for one in outcomes[0]]
    sheet.tell(
        "laser line from silicon, median of its scans",
        f"{lasers[0]:.3f} nm (single scans {min(spread):.3f} to {max(spread):.3f}); stated {neon.laser_nm:.2f}",
    )
    checked = [_checked(folder, neon, one, laser) for one, laser in zip(lamp, lasers, strict=True)]
    rows = []
    for place, (name, line, before, _) in enumerate(checked[0]):
        after = [one[place][3] for one in checked]
        rows.append((name, f"{line:.1f}", f"{before:+.2f}", *(f"{value:+.2f}" for value in after)))
    sheet.table(("scan", "line cm⁻¹", "maker's axis", *(f"guess {n}" for n in range(1, 5))), rows)
    for substance, limit in (("PST", 1.0), ("CAL", 1.0)):
        off = [abs(row[3]) for one in checked for row in one if substance in row[0]]
        before = [abs(row[2]) for row in checked[0] if substance in row[0]]
        what = f"{'polystyrene' if substance == 'PST' else 'calcite 1085.9'}: largest deviation"
        sheet.at_most(f"{what} (maker's axis {max(before):.2f})", limit, max(off), "cm⁻¹")
    off = [abs(row[3]) for one in checked for row in one if row[0] == "silicon, median"]
    sheet.at_most("silicon", 0.5, max(off), "cm⁻¹")
    single = [abs(row[3]) for row in checked[0] if row[0].startswith("S") and "CAL" not in row[0]]
    sheet.tell(
        "single scans of silicon, whose places vary by themselves", f"up to {max(single):.2f} cm⁻¹ off"
    )


def guess(raw: Raw, offset_nm: float, stretch: float) -> tuple[float, ...]:
    """Return the maker's coefficients, made wrong."""
    first, *others = raw.coefficients
    return (first + offset_nm, *(one * (1 + stretch) for one in others))


def _checked(
    folder: Path, neon: Raw, outcome: AxisOutcome, laser_nm: float
) -> list[tuple[str, float, float, float]]:
    """Return file, line, and its deviation on the maker's axis and on ours, cm⁻¹."""
    ours = raman_shift(polynomial_axis(outcome.coefficients, outcome.pixels), laser_nm)
    makers = raman_shift(polynomial_axis(neon.coefficients, outcome.pixels), neon.laser_nm)
    rows = []
    for path in sorted(folder.glob("*_iRPlus785_*.txt")):
        counts = read(path).counts
        lines = POLYSTYRENE if "PST" in path.name else CALCITE if "CAL" in path.name else (SILICON,)
        rows += [(path.name, line, _off(makers, counts, line), _off(ours, counts, line)) for line in lines]
    single = [row for row in rows if row[1] == SILICON]
    middle = (np.median([row[2] for row in single]), np.median([row[3] for row in single]))
    return [*rows, ("silicon, median", SILICON, float(middle[0]), float(middle[1]))]


def _off(shift: np.ndarray, counts: np.ndarray, line: float) -> float:
    inside = shift > 100.0
    spectrum = Spectrum(shift[inside], counts[inside], Technique.RAMAN)
    for window_cm1 in (12.0, 16.0, 20.0):
        band = fit_line(spectrum, line, window_cm1=window_cm1)
        if band is not None:
            return band.centre_cm1 - line
    return float("inf")


def simulated(sheet: Sheet) -> None:
    """Calibrate simulated instruments, whose true axes are known."""
    answers: list[tuple[float, float, float] | str] = []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for answer in pool.imap(_one, range(INSTRUMENTS), chunksize=10):
            answers.append(answer)
            if len(answers) % 200 == 0:
                progress(f"{len(answers)} of {INSTRUMENTS} simulated instruments")
    accepted = np.array([one for one in answers if not isinstance(one, str)])
    refused = Counter(re.sub(r"[\d.]+", "…", one.split(":")[0]) for one in answers if isinstance(one, str))
    rms, lines_rms, largest = accepted.T
    good = int((rms <= 0.5).sum()) + sum(refused.values())
    sheet.add(
        f"simulated: within 0.5 cm⁻¹ RMS (200–2000 cm⁻¹), or refused with a reason, of {INSTRUMENTS}",
        "≥ 99 %",
        f"{good / INSTRUMENTS:.1%} ({int((rms <= 0.5).sum())} of {rms.size} accepted, "
        f"{sum(refused.values())} refused)",
        passed=good >= 0.99 * INSTRUMENTS,
    )
    sheet.add(
        "simulated: accepted calibrations worse than 2 cm⁻¹ RMS",
        "0",
        f"{int((rms > 2.0).sum())} (worst {rms.max():.2f}; largest single channel between the lines "
        f"{largest.max():.2f}, there {np.mean(lines_rms <= 0.5):.1%} within 0.5)",
        passed=not (rms > 2.0).any(),
    )
    middle, most = np.percentile(rms, (50, 99))
    sheet.tell("simulated: RMS of those accepted, median and 99 %", f"{middle:.2f}, {most:.2f} cm⁻¹")
    sheet.table(("refused because", "of them"), [(why, str(count)) for why, count in refused.most_common()])


def _one(number: int) -> tuple[float, float, float] | str:
    one = instrument(np.random.default_rng([SEED, number]))
    try:
        outcome = calibrate_axis(
            [(one.lamp_counts, one.lamp)],
            (one.standard_counts, one.standard),
            guess=one.guess,
            laser_nm=one.stated_nm,
            saturation=one.saturation,
        )
    except CalibrationError as error:
        return str(error)
    off = (
        raman_shift(polynomial_axis(outcome.coefficients, one.true_nm.size), outcome.laser_nm)
        - one.true_shift
    )
    used = (one.true_shift > 200) & (one.true_shift < 2000)
    low, high = outcome.valid_range
    between = (one.true_nm >= low) & (one.true_nm <= high) & (one.true_shift > 200)
    return (
        float(np.sqrt(np.mean(off[used] ** 2))),
        float(np.sqrt(np.mean(off[between] ** 2))),
        float(np.abs(off[between]).max()),
    )


if __name__ == "__main__":
    run(measure)
