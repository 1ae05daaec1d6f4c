"""``opioscan method``: fit, list, show and prove methods; release them, and update benches with them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spectra.values import Technique

from ..errors import UsageError
from ..settings import load_settings, software_version
from . import method_release, method_update
from .method_asked import asked, asked_classes, asked_negatives, asked_references, asked_watch_list
from .output import emit_json, progress, say, warn

app = typer.Typer(help="Fit, prove, release and update methods.", no_args_is_help=True, add_completion=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Asked = Annotated[
    str, typer.Argument(metavar="NAME[@VERSION]", help="Stored method; newest version by default.")
]

#: Files named one by one on the terminal; the JSON names all.
_MOST_NAMED = 20


@app.command()
def fit(
    name: Annotated[str, typer.Argument(help="Name: a-z, 0-9, dot, hyphen, underscore.")],
    library: Annotated[Path, typer.Option(metavar="LIB.h5", help="Library to fit from.")],
    watch: Annotated[
        list[str] | None,
        typer.Option(metavar="SUBSTANCE[=LIMIT]", help="Watch for it; a negative must exclude LIMIT (20%)."),
    ] = None,
    watch_list: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Watch list: substance,limit_share.")
    ] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", metavar="NAME", help="Class to answer for.")
    ] = None,
    negatives: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Own scans that hold nothing on the watch list.")
    ] = None,
    technique: Annotated[
        Technique | None, typer.Option(help="How negatives were measured that do not say so.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, of negatives that do not say so.")
    ] = None,
    rate: Annotated[float, typer.Option(help="False alarms promised per completed screening.")] = 0.01,
    scans: Annotated[int, typer.Option(help="Scans planned per screening.")] = 1,
    draws: Annotated[
        int | None, typer.Option(help="Simulated null scans per technique; default: enough for the rate.")
    ] = None,
    checks: Annotated[
        int | None, typer.Option(help="Simulated scans of each kind for the reliability table.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all simulation.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that simulate.")] = 2,
    training: Annotated[
        bool, typer.Option("--training", help="Harmless targets, marked TRAINING everywhere.")
    ] = False,
    json: Json = False,
) -> None:
    """Fit a method from a library and store it as the next version of its name."""
    from library.method_fitting import Wanted, fit_stored, work_of
    from library.store import read_library
    from spectra.reliability import DRAWS as CHECKS

    from .method_words import method_json, method_lines

    opened = read_library(library)
    if name == "training":
        raise UsageError("'training' is the method that ships; choose another name")
    try:
        wanted = Wanted(
            name,
            watch_list=asked_watch_list(watch, watch_list, opened),
            classes=asked_classes(class_),
            false_alarm_rate=rate,
            planned_scans=scans,
            training=training,
            draws=draws,
            reliability_draws=CHECKS if checks is None else checks,
            seed=seed,
        )
    except ValueError as error:
        raise _usage(error) from error
    scanned = asked_negatives(negatives, technique, laser)
    with progress(f"fitting {name}", total=work_of(opened, wanted, scanned)) as advance:
        stored = fit_stored(
            load_settings().methods_dir,
            opened,
            wanted,
            now=_now(),
            software=f"opioscan {software_version()}",
            negatives=scanned,
            workers=workers,
            advance=advance,
        )
    if json:
        emit_json(method_json(stored))
        return
    for one in stored.report["refused_negatives"][:_MOST_NAMED]:
        warn(f"not used: {one['source']}: {one['reason']}")
    for line in method_lines(stored):
        say(line)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the stored methods."""
    from library.method_errors import MethodDamaged
    from library.method_store import find_method, read_head, stored_versions

    from ..released import active_release

    settings = load_settings()
    folder, active = settings.methods_dir, active_release(settings)
    damaged: list[MethodDamaged] = []
    for name, versions in stored_versions(folder).items():
        for version in versions:
            try:
                row = _row(read_head(find_method(folder, name, version)))
                row["active"] = active is not None and (active.name, active.version) == (name, version)
            except MethodDamaged as error:
                damaged.append(error)
                continue
            if json:
                emit_json(row)
            else:
                mark = ("  TRAINING" if row["training"] else "") + ("  ACTIVE" if row["active"] else "")
                say(
                    f"{name}@{version}  library {row['library']}  {', '.join(row['techniques'])}  "
                    f"{row['watched']} watched  fitted {row['fitted_at']}{mark}"
                )
    for other in damaged[1:]:
        warn(str(other))
    if damaged:
        raise damaged[0]


@app.command()
def show(
    method: Asked,
    plot: Annotated[
        Path | None, typer.Option(metavar="OUT.png|svg", help="Draw the reliability table.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
    json: Json = False,
) -> None:
    """Show a stored method: what it holds, what it promises, and how reliable that is."""
    from library.method_store import read_method

    from .method_words import method_json, method_lines

    stored = read_method(load_settings().methods_dir, *asked(method))
    if plot is not None:
        from ..reliability_plot import reliability_picture
        from .spectrum_files import write_whole

        title = f"{stored.method.name}@{stored.method.version}"
        try:
            picture = reliability_picture(stored.report.get("reliability", {}), title, plot)
        except ValueError as error:
            raise _usage(error) from error
        write_whole(plot, picture, force=force)
    if json:
        emit_json(method_json(stored))
        return
    for line in method_lines(stored):
        say(line)


@app.command()
def crossval(
    method: Annotated[str, typer.Argument(metavar="[NAME[@VERSION]]", help="Stored method.")] = "",
    library: Annotated[
        Path | None, typer.Option(metavar="LIB.h5", help="Library instead of a stored method.")
    ] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", metavar="NAME", help="Class; default: all trained.")
    ] = None,
    partner: Annotated[
        list[str] | None, typer.Option(metavar="SUBSTANCE", help="Mix everything with it 1:1 as well.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="False alarms allowed per scan; default: the method's promise.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of fits and simulated mixtures.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 2,
    json: Json = False,
) -> None:
    """Prove class models: leave each substance out in turn, fit without it, and judge its scans."""
    from library.method_crossval import proofs, prove
    from spectra.method import FALSE_ALARM_RATE

    from .crossval_words import crossval_lines

    if (library is None) == (not method):
        raise UsageError("give either a stored method or --library LIB.h5")
    if rate is not None and not 0.0 < rate < 1.0:
        raise UsageError(f"a rate of {rate} is not above 0 and below 1")
    classes = asked_classes(class_)
    entries, recipes, promised = asked_references(method, library)
    wanted = proofs(
        entries,
        classes=classes,
        recipes=recipes,
        partners=partner or (),
        rate=rate or promised or FALSE_ALARM_RATE,
        seed=seed,
    )
    for proof in wanted:
        with progress(f"{proof.name}, {proof.technique}", total=len(proof.groups)) as advance:
            report = prove(proof, workers=workers, advance=advance)
        if json:
            emit_json({"technique": str(proof.technique), **report.to_json()})
            continue
        for line in crossval_lines(proof, report):
            say(line)


for _command in (
    method_release.release,
    method_release.sign,
    method_release.publish,
    method_update.trust,
    method_update.update,
    method_update.rollback,
):
    app.command()(_command)


def _row(said: dict[str, Any]) -> dict[str, Any]:
    head, report = said["method"], said["report"]
    return {
        "name": head["name"],
        "version": head["version"],
        "digest": said["method_digest"],
        "library": head["library"]["name"],
        "techniques": sorted(head["nulls"]),
        "watched": len(head["watch_list"]),
        "training": head["training"],
        "false_alarm_rate": head["false_alarm_rate"],
        "fitted_at": report.get("fitted_at"),
    }


def _usage(error: ValueError) -> Exception:
    """Return an error of what was asked as one of usage; errors of files and data stay what they are."""
    return UsageError(str(error)) if type(error) is ValueError else error


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
