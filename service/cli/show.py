"""``opioscan show``: spectra in the terminal or as a picture."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spectra.errors import FormatError
from spectra.formats import Decoded
from spectra.values import Spectrum, Technique

from ..errors import UsageError
from .output import emit_json, say, warn
from .spectrum_files import read_spectra, write_whole

app = typer.Typer(help="Show spectra in the terminal or as a picture.", add_completion=False)

#: Bands listed for each spectrum.
BANDS = 12
#: A band rises above its neighbourhood of this width, cm⁻¹; broader humps are background.
NEIGHBOURHOOD_CM1 = 120.0
#: Fewer columns cannot hold a plot, more are hard to read.
NARROWEST, WIDEST = 40, 120


@app.command()
def show(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Spectrum files.")],
    png: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Draw a picture instead: OUT.png or OUT.svg.")
    ] = None,
    technique: Annotated[
        Technique | None, typer.Option(help="How files were measured that do not say so.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, of files that do not say so.")
    ] = None,
    columns: Annotated[
        str,
        typer.Option(metavar="NAMES", help="What the columns of a plain table are: wavenumber,-,absorbance."),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Show spectra: plot, strongest bands, and what was done on reading."""
    shown: list[tuple[Path, Decoded]] = []
    failures: list[FormatError | OSError] = []
    for path in files:
        try:
            found = read_spectra(path, technique=technique, laser_nm=laser, columns=columns)
        except (FormatError, OSError) as error:
            failures.append(error)
            continue
        shown += [(path, one) for one in found]
        for place, one in enumerate(found, start=1):
            if json:
                emit_json(described(path, one, number=place, of=len(found)))
            elif png is None:
                say(
                    (f"{path.name}, spectrum {place} of {len(found)}:\n" if len(found) > 1 else "")
                    + page(one)
                )
    if png is not None and shown:
        _draw(shown, png, force=force)
        if not json:
            say(f"{png}: {len(shown)} spectra")
    for failure in failures[1:]:
        warn(str(failure))
    if failures:
        raise failures[0]


def described(path: Path, one: Decoded, *, number: int = 1, of: int = 1) -> dict[str, Any]:
    """Return a spectrum's description as JSON values, without its arrays."""
    spectrum = one.spectrum
    return {
        "source": str(path),
        "number": number,
        "of": of,
        "format": one.format,
        "title": one.title,
        "technique": spectrum.technique.value,
        "laser_nm": spectrum.laser_nm,
        "resolution_cm1": spectrum.resolution_cm1,
        "points": spectrum.axis.size,
        "axis_cm1": [float(spectrum.axis[0]), float(spectrum.axis[-1])],
        "intensity": [float(spectrum.intensity.min()), float(spectrum.intensity.max())],
        "saturated": spectrum.saturated,
        "bands_cm1": [round(position, 1) for position, _ in strongest_bands(spectrum)],
        "history": list(spectrum.history),
        "meta": one.meta,
    }


def page(one: Decoded) -> str:
    """Return what the terminal shows of one spectrum."""
    from ..plots import terminal_plot

    spectrum = one.spectrum
    width = min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST) - 2
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    laser = f", laser {spectrum.laser_nm:g} nm" if spectrum.laser_nm else ""
    bands = strongest_bands(spectrum)
    listed = ", ".join(f"{position:.0f} ({share:.0%})" for position, share in bands) or "none"
    reach = f"{spectrum.axis[0]:.1f} to {spectrum.axis[-1]:.1f} cm-1"
    lines = [
        one.title or "(no title)",
        f"{one.format}, {spectrum.technique.value}{laser}, {spectrum.axis.size} points, {reach}",
        *(["SATURATED: the detector was at its limit"] if spectrum.saturated else []),
        terminal_plot(
            spectrum.axis,
            spectrum.intensity,
            width,
            18,
            braille=unicode,
            descending=spectrum.technique is Technique.FTIR,
        ),
        f"Strongest bands, cm-1: {listed}",
        *[f"  {step}" for step in spectrum.history],
        "",
    ]
    return "\n".join(lines)


def strongest_bands(spectrum: Spectrum, count: int = BANDS) -> list[tuple[float, float]]:
    """Return the bands that rise most above their neighbourhood, strongest first.

    Returns
    -------
    list of (float, float)
        Position in cm⁻¹ and prominence as a share of the largest prominence.
    """
    from scipy.signal import find_peaks

    step = float(np.median(np.diff(spectrum.axis)))
    window = max(3, int(NEIGHBOURHOOD_CM1 / step)) | 1
    peaks, facts = find_peaks(spectrum.intensity, prominence=0.0, wlen=window)
    order = np.argsort(facts["prominences"])[::-1][:count]
    if not order.size or facts["prominences"][order[0]] <= 0:
        return []
    largest = float(facts["prominences"][order[0]])
    return [(float(spectrum.axis[peaks[i]]), float(facts["prominences"][i]) / largest) for i in order]


def _draw(shown: list[tuple[Path, Decoded]], png: Path, *, force: bool) -> None:
    from ..plots import MAX_CURVES, kind_of, spectrum_picture

    if len(shown) > MAX_CURVES:
        raise UsageError(f"{len(shown)} spectra are too many for one picture: give at most {MAX_CURVES}")
    if len({one.spectrum.technique for _, one in shown}) > 1:
        raise UsageError("Raman and infrared spectra do not share a picture: draw them one by one")
    try:
        kind = kind_of(png)
    except ValueError as error:
        raise UsageError(str(error)) from error
    spectra = [one.spectrum for _, one in shown]
    labels = [one.title or path.name for path, one in shown]
    write_whole(png, spectrum_picture(spectra, labels, kind=kind), force=force)
