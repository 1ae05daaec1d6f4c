"""Response of the B&W Tek 785 unit by SRM 2241: smooth, and polystyrene moves toward the other 785 nm instruments.

No other instrument in the data is known to be corrected (the header of the Wasatch library says that it is not),
so their ratios are no truth: a right correction brings this unit nearer as far as its own response is worse than
theirs, and leads past them where theirs is as bad. The Zolix unit's detector ends at the same shift as this one's,
and after the correction what is left against it rises from band to band with the shift, as an uncorrected response
does. So the figures asked for are over all instruments together; each is told, and marked where it moved away.
"""

from pathlib import Path

import numpy as np
from band_ratios import EQUAL_CM1, TOLD, Ratios, apart, band_ratios
from figures import Sheet, run
from scipy.stats import spearmanr

from calibration.outcomes import ResponseOutcome
from calibration.response import apply_response, calibrate_response
from calibration.smoothing import roughness, smooth
from calibration.srm import certified
from spectra.formats import decode
from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

UNIT = "raman-calibration/bwtek785"
STANDARD = f"{UNIT}/NISTSRM2241_BW785_100x_25sx5.txt"
LED = f"{UNIT}/NIR_785nm_2000ms_100X_2.txt"
#: Polystyrene by the same unit: the objective of the standard's scan (100×) first.
SAMPLES = {
    "100×": f"{UNIT}/PST02_iRPlus785_Z100_100_9000ms.txt",
    "50×": f"{UNIT}/PST02_iRPlus785_Z050_100_3200ms.txt",
    "20×": f"{UNIT}/PST02_iRPlus785_Z020_100_1300ms.txt",
}
OTHERS = {
    "Wasatch": "raman785-library/polystyrene.csv",
    "Zolix": "vendor-files/Zolix/PST02_Zolix785_Probe_070_190ms.txt",
}
#: The response is smooth where its roughness is at most this share of the scan's; what is left of noise in it.
SMOOTH, NOISE_LEFT = 0.1, 0.01


def measure(sheet: Sheet) -> None:
    """Calibrate, correct polystyrene, and print ratios before and after against each other instrument."""
    data = sheet.needs_shared() / "data"
    scan = _read(data / STANDARD)
    outcome = calibrate_response(scan, "2241")
    _smoothness(sheet, scan, outcome)
    _structure(sheet, scan, _read(data / LED), outcome)
    others = {name: band_ratios(_read(data / path)) for name, path in OTHERS.items()}
    for optics, path in SAMPLES.items():
        raw = _read(data / path)
        before, after = band_ratios(raw), band_ratios(apply_response(raw, outcome))
        _compare(sheet, optics, before, after, others)
    sheet.tell("2904.5 and 3054.3 cm⁻¹", _carbon_hydrogen(data, outcome))


def _read(path: Path) -> Spectrum:
    return decode(path.read_bytes(), name=path.name, technique=Technique.RAMAN, laser_nm=785.0)[0].spectrum


def _smoothness(sheet: Sheet, scan: Spectrum, outcome: ResponseOutcome) -> None:
    axis = np.array(outcome.axis_cm1)
    inside = (scan.axis >= outcome.range_cm1[0]) & (scan.axis <= outcome.range_cm1[1])
    raw = roughness(certified("2241", scan.axis[inside]) / scan.intensity[inside])
    drawn = roughness(np.interp(scan.axis[inside], axis, np.array(outcome.factor)))
    sheet.add(
        "roughness of the response, channel to channel",
        f"≤ {SMOOTH:g} of the scan's {raw:.2%}",
        f"{drawn:.4%} ({drawn / raw:.3f})",
        passed=drawn <= SMOOTH * raw,
    )
    sheet.add(
        "noise left in the response",
        f"≤ {NOISE_LEFT:.0%}",
        f"{outcome.noise:.2%}",
        passed=outcome.noise <= NOISE_LEFT,
    )
    low, high = outcome.range_cm1
    sheet.tell("range of the response", f"{low:.0f}–{high:.0f} cm⁻¹, {len(axis)} channels; {outcome.cut}")
    sheet.tell("spread of the response", f"{outcome.spread[0]:.3g} to {outcome.spread[1]:.3g}")
    sheet.facts["response"] = {f"{at:.0f}": float(np.interp(at, axis, outcome.factor)) for at in axis[::50]}


def _structure(sheet: Sheet, scan: Spectrum, led: Spectrum, outcome: ResponseOutcome) -> None:
    """Tell whether the fine structure that smoothing leaves is the instrument's: an LED shows it too."""
    inside = (scan.axis >= outcome.range_cm1[0]) & (scan.axis <= outcome.range_cm1[1])
    fine = []
    for one in (scan, led):
        drawn = np.log(smooth(one.intensity[inside], noise_of(one.intensity)[inside]).curve)
        fine.append(_without_trend(drawn))
    sheet.tell(
        "structure of 10 to 100 channels", f"correlation with the LED's {np.corrcoef(*fine)[0, 1]:.2f}"
    )


def _without_trend(values: FloatArray) -> FloatArray:
    places = np.linspace(-1.0, 1.0, values.size)
    trend = np.polynomial.legendre.legval(places, np.polynomial.legendre.legfit(places, values, 12))
    return np.asarray(values - trend)


def _compare(sheet: Sheet, optics: str, before: Ratios, after: Ratios, others: dict[str, Ratios]) -> None:
    """Print each band; the figures asked for are those of the optics the standard was scanned with."""
    asked = optics == next(iter(SAMPLES))
    for what, named in (("areas", "areas"), ("heights", f"heights at {EQUAL_CM1:g} cm⁻¹")):
        first, then = getattr(before, what), getattr(after, what)
        theirs = {name: getattr(other, what) for name, other in others.items()}
        nearer = {
            name: {band for band in TOLD if _off(then, their, band) < _off(first, their, band)}
            for name, their in theirs.items()
        }
        for name, their in theirs.items():
            left = [float(np.log(then[band] / their[band])) for band in TOLD]
            # What another instrument's own, uncorrected response leaves rises or falls with the shift.
            rank = float(spearmanr(TOLD, left).statistic)
            said = _said(first, then, [their], len(nearer[name]))
            sheet.tell(
                f"polystyrene {named} ({optics}) against {name}",
                f"{said}; the rest over shift: rank {rank:+.2f}",
            )
        count, all_of_them = sum(map(len, nearer.values())), list(theirs.values())
        if asked:
            sheet.add(
                f"polystyrene {named} ({optics}) against all",
                "nearer, and more bands than not",
                _said(first, then, all_of_them, count),
                passed=apart(then, *all_of_them) < apart(first, *all_of_them)
                and 2 * count > len(TOLD) * len(theirs),
            )
        head = [f"{named}, {optics}", "band", "before", "after", "theirs", "off before", "off after", ""]
        rows = [
            _row(name, band, first, then, their, band in nearer[name])
            for name, their in theirs.items()
            for band in TOLD
        ]
        sheet.table(head, rows)


def _said(
    first: dict[float, float], then: dict[float, float], theirs: list[dict[float, float]], nearer: int
) -> str:
    was, now = apart(first, *theirs), apart(then, *theirs)
    away = ", AWAY" if now > was else ""
    return f"{was:.3f} → {now:.3f} rms ln{away}, {nearer} of {len(TOLD) * len(theirs)} bands nearer"


def _off(ours: dict[float, float], theirs: dict[float, float], band: float) -> float:
    return abs(float(np.log(ours[band] / theirs[band])))


def _row(
    name: str,
    band: float,
    before: dict[float, float],
    after: dict[float, float],
    theirs: dict[float, float],
    nearer: bool,
) -> list[str]:
    ratios = [f"{one[band]:.3f}" for one in (before, after, theirs)]
    offs = [f"{np.log(one[band] / theirs[band]):+.2f}" for one in (before, after)]
    return [name, f"{band:.1f}", *ratios, *offs, "nearer" if nearer else "AWAY"]


def _carbon_hydrogen(data: Path, outcome: ResponseOutcome) -> str:
    """Say why the bands above 2,800 cm⁻¹ are not compared."""
    reach = {name: _read(data / path).axis[-1] for name, path in OTHERS.items()}
    zolix = _read(data / OTHERS["Zolix"])
    part = (zolix.axis > 2800) & (zolix.axis < 3000)
    snr = float(np.ptp(zolix.intensity[part]) / np.median(noise_of(zolix.intensity)[part]))
    return (
        f"not compared: Wasatch ends at {reach['Wasatch']:.0f}, Zolix shows {snr:.0f} σ from top to bottom "
        f"at 2800–3000, the response ends at {outcome.range_cm1[1]:.0f}"
    )


if __name__ == "__main__":
    run(measure)
