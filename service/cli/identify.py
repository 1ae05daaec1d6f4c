"""``opioscan identify``: what spectra in files hold."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spectra.errors import SpectraError
from spectra.identification import FOREIGN, Identification, identify
from spectra.method import Method
from spectra.values import Spectrum, Technique

from ..errors import UsageError
from ..released import released_method, with_age
from ..settings import Settings, load_settings
from .identify_plot import Pictures
from .output import console, emit_json, progress, verdict_panel, warn
from .spectrum_files import read_spectra

app = typer.Typer(help="Identify spectra in files.", add_completion=False)

#: Processes that simulate null scans where a library is searched for the first time (chosen).
WORKERS = 2

#: The method that ships: harmless targets, marked TRAINING.
TRAINING = "training"


@app.command()
def main(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Spectrum files.")],
    library: Annotated[
        Path | None, typer.Option(metavar="LIB.h5", help="Library to search; fitted once, then kept.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(metavar="NAME[@VERSION]", help="Stored method, or training; default: the released one."),
    ] = "",
    blank: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Scan of the empty container, same instrument.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, of files that do not say so.")
    ] = None,
    technique: Annotated[
        Technique | None, typer.Option(help="How files were measured that do not say so.")
    ] = None,
    plot: Annotated[
        str,
        typer.Option(
            metavar="OUT",
            help="Draw scan, fit, components and residual: OUT.png, OUT.svg, a name with {n} or a folder "
            "for several spectra, - for the terminal.",
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Say what spectra hold, how sure that is, and what they do not exclude."""
    if library is not None and method:
        raise UsageError("give --library or --method, not both")
    pictures = Pictures(plot, files, force=force, json=json) if plot else None
    settings = load_settings()
    chosen = _method(settings, library, method)
    state = with_age(FOREIGN, settings, chosen)
    empty = _blank(blank, technique, laser)
    failures: list[SpectraError | OSError] = []
    for path in files:
        try:
            found = [
                (one.spectrum, one.title) for one in read_spectra(path, technique=technique, laser_nm=laser)
            ]
            if pictures is not None:
                pictures.check_count(len(found), f"spectra in {path.name}")
            for place, (spectrum, _) in enumerate(found):
                source = str(path) if len(found) == 1 else f"{path}#{place + 1}"
                answer = identify(spectrum, chosen, blank=empty, state=state, source=source, now=_now())
                _tell(answer, json=json)
                if pictures is not None:
                    recipe = chosen.reference_set(spectrum.technique).recipe
                    pictures.draw(answer, spectrum, blank=empty, recipe=recipe)
        except (SpectraError, OSError) as error:
            failures.append(error)
    for failure in failures[1:]:
        warn(str(failure))
    if failures:
        raise failures[0]


def _method(settings: Settings, library: Path | None, name: str) -> Method:
    """Return the method asked for, fitted with a progress bar where its null tables are missing."""
    from library.methods import fit_method, training_method
    from library.store import read_library
    from spectra.nulls import DRAWS

    if library is None and name not in {"", TRAINING}:
        from library.method_store import read_method

        from .method_asked import asked

        return read_method(settings.methods_dir, *asked(name)).method
    if library is None and not name and (stored := released_method(settings)) is not None:
        return stored.method
    with progress("fitting null tables (once for each library)", total=2 * DRAWS) as advance:
        if library is None:
            if not name:
                warn("no library given: the TRAINING method answers; its targets are harmless substances")
            return training_method(settings.home, advance=advance)
        return fit_method(read_library(library), cache=settings.methods_dir, workers=WORKERS, advance=advance)


def _blank(path: Path | None, technique: Technique | None, laser: float | None) -> Spectrum | None:
    if path is None:
        return None
    found = read_spectra(path, technique=technique, laser_nm=laser)
    if len(found) != 1:
        raise UsageError(f"{path} holds {len(found)} spectra: a blank must be one")
    return found[0].spectrum


def _tell(answer: Identification, *, json: bool) -> None:
    value: dict[str, Any] = answer.to_json()
    if json:
        emit_json(value)
    else:
        console().print(verdict_panel(value))


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
