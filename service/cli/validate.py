"""``opioscan validate``: what a method finds in samples that are known, measured or simulated."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from spectra.errors import FormatError
from spectra.method import Method
from spectra.trials import plan
from spectra.validation import Judged
from spectra.values import Technique

from ..errors import UsageError
from ..known_names import KnownNames
from ..panels import read_panel
from ..problems import message_of
from ..settings import load_settings
from ..validating import Failed, ingredients, play, simulate
from ..validation_report import MEASURED, SIMULATED, Report, report, row_json
from .identify import _method
from .output import emit_json, progress, warn
from .spectrum_files import read_spectra, write_whole
from .validate_tables import tell

app = typer.Typer(help="Validate a method on known samples.", add_completion=False)

#: Shares simulated unless others are asked for, scans of each, and their signal-to-noise ratio; chosen.
SHARES, SCANS, SNR = "0.01,0.02,0.05,0.1,0.2,0.5,1", 20, 100.0
_MOST_SHARES = 50
_MOST_WARNINGS = 10


@dataclass(frozen=True, slots=True)
class _Simulation:
    """How scans are simulated."""

    shares: tuple[float, ...]
    scans: int
    snr: float
    fluorescence: float
    seed: int

    @property
    def note(self) -> str:
        """Words for tables and pictures."""
        light = f"SNR {self.snr:g}, fluorescence {self.fluorescence:g} ×"
        return f"{light}, {self.scans} scans a level, seed {self.seed}"


@app.command()
def main(
    panel: Annotated[
        Path | None,
        typer.Argument(metavar="PANEL.csv", help="Samples: file,truth,blank,technique,laser_nm,group."),
    ] = None,
    library: Annotated[
        Path | None, typer.Option(metavar="LIB.h5", help="Library to search; fitted once, then kept.")
    ] = None,
    method: Annotated[str, typer.Option(metavar="NAME[@VERSION]", help="Method instead of a library.")] = "",
    simulated: Annotated[
        bool, typer.Option("--simulate", help="Simulate mixtures of the method's own references.")
    ] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBSTANCE", help="What to look for; may be repeated. Default: watch list, truths."
        ),
    ] = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(metavar="SUBSTANCE", help="What to mix it with; may be repeated. Default: all cuts."),
    ] = None,
    shares: Annotated[str, typer.Option(metavar="S,S,…", help="Shares of the spectral area.")] = SHARES,
    scans: Annotated[int, typer.Option(metavar="N", min=1, help="Scans of each mixture and share.")] = SCANS,
    snr: Annotated[float, typer.Option(metavar="S", help="Strongest band over the noise.")] = SNR,
    fluorescence: Annotated[float, typer.Option(metavar="F", help="Background over strongest band.")] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same scans.")] = 0,
    technique: Annotated[
        Technique | None, typer.Option(help="Of files that do not say it; what is simulated.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, of files that do not say it.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.png|.svg", help="Draw the probability of detection.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Say how often a method is right, wrong or silent on known samples, with exact intervals."""
    if (panel is None) is not simulated:
        raise UsageError("give a PANEL.csv, or --simulate without one")
    if (library is None) is not bool(method):
        raise UsageError(
            "give either --library LIB.h5 or --method NAME: the method to validate is never guessed"
        )
    if not (0.0 < snr < math.inf and 0.0 <= fluorescence < math.inf):
        raise UsageError("--snr is above 0, --fluorescence 0 or more")
    asked = _Simulation(_numbers(shares), scans, snr, fluorescence, seed)
    _check_plot(plot, force=force)
    chosen = _method(load_settings(), library, method)
    if panel is None:
        done = _simulated(asked, chosen, target or [], cut or [], technique, json=json)
    else:
        done = _measured(panel, chosen, target or [], technique, laser, json=json)
    if json:
        for each in done.to_json():
            emit_json(each)
    else:
        tell(done)
    if plot is not None:
        _draw(done, plot, force=force)
    _complain(done)


def _measured(
    panel: Path,
    method: Method,
    targets: list[str],
    technique: Technique | None,
    laser: float | None,
    *,
    json: bool,
) -> Report:
    rows = read_panel(panel)
    names = KnownNames(method.references)
    strange = dict.fromkeys(name for row in rows for name in row.truth if not names.held(name))
    if strange:
        warn(f"no reference of {', '.join(list(strange)[:_MOST_WARNINGS])}: it can only be missed")
    outcomes = play(
        panel,
        rows,
        method,
        names,
        read=lambda path, how, nm: read_spectra(path, technique=how, laser_nm=nm),
        now=_now(),
        technique=technique,
        laser_nm=laser,
    )
    shown = _shown(outcomes, "identifying the panel", len(rows), (MEASURED, method.training), json=json)
    return report(
        shown, label=MEASURED, note=f"panel {panel.name}", method=method, names=names, targets=targets
    )


def _simulated(
    asked: _Simulation,
    method: Method,
    targets: list[str],
    cuts: list[str],
    technique: Technique | None,
    *,
    json: bool,
) -> Report:
    names = KnownNames(method.references)
    wanted, matrices = ingredients(method, names, targets=targets, cuts=cuts, technique=technique)
    trials = plan(wanted, matrices, asked.shares, scans=asked.scans, seed=asked.seed)
    outcomes = simulate(trials, method, names, snr=asked.snr, fluorescence=asked.fluorescence, now=_now())
    return report(
        _shown(outcomes, "identifying simulated scans", len(trials), (SIMULATED, method.training), json=json),
        label=SIMULATED,
        note=asked.note,
        method=method,
        names=names,
        targets=[entry.substance.name for entry in wanted],
    )


def _shown(
    outcomes: Iterable[Judged | Failed], what: str, total: int, mark: tuple[str, bool], *, json: bool
) -> Iterator[Judged | Failed]:
    """Pass outcomes on, with a progress bar, and as JSON (marked by label and training) where asked for."""
    with progress(what, total=total) as advance:
        for outcome in outcomes:
            if json:
                emit_json(row_json(outcome, label=mark[0], training=mark[1]))
            yield outcome
            advance(1.0)


def _complain(done: Report) -> None:
    """Name the rows without an answer, and end with the exit code of data that cannot be used."""
    if not done.failed:
        return
    for one in done.failed[:_MOST_WARNINGS]:
        warn(f"line {one.row.line}: {one.row.file}: {message_of(one.error)}")
    rows = len(done.failed) + len(done.answers)
    raise FormatError(f"{len(done.failed)} of {rows} rows have no answer; the figures are of the others")


def _check_plot(plot: Path | None, *, force: bool) -> None:
    """Refuse a picture that cannot be written before an hour of work, not after it."""
    if plot is None:
        return
    from ..plots import kind_of

    try:
        kind_of(plot)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not plot.parent.is_dir():
        raise FileNotFoundError(f"{plot.parent} is no folder: make it first")
    if plot.exists() and not force:
        raise FileExistsError(f"{plot} is there already: give --force to replace it")


def _draw(done: Report, plot: Path, *, force: bool) -> None:
    from ..plots import kind_of
    from ..pod_plot import detection_picture

    mark = "TRAINING · " if done.method.training else ""
    note = f"{mark}{done.note} · method {done.method.name} version {done.method.version}"
    try:
        drawn = detection_picture(done.table, label=done.label, note=note, kind=kind_of(plot))
    except ValueError as error:
        raise UsageError(f"{plot}: {error}") from error
    write_whole(plot, drawn, force=force)


def _numbers(text: str) -> tuple[float, ...]:
    """Return the shares that a list with commas names, each once, in ascending order."""
    try:
        shares = sorted({float(part) for part in text.split(",")})
    except ValueError:
        raise UsageError(
            f"--shares {text!r}: write numbers with commas between them, such as {SHARES}"
        ) from None
    if not all(0.0 < share <= 1.0 for share in shares) or len(shares) > _MOST_SHARES:
        raise UsageError(f"--shares {text!r}: up to {_MOST_SHARES} shares above 0 and at most 1")
    return tuple(shares)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
