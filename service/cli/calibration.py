"""``opioscan calibration``: list, show, compare, export, add and withdraw records; control charts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CalibrationDamaged, CalibrationNotFound, UsageError
from ..settings import Settings, load_settings
from .calibration_chart import chart
from .output import emit_json, say, warn

if TYPE_CHECKING:
    from calibration.comparing import Difference
    from calibration.record import CalibrationRecord

    from ..calibration_states import Listed
    from ..calibrations import Calibrations

app = typer.Typer(
    help="Keep calibration records, compare them, and chart verifications.",
    no_args_is_help=True,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
RecordId = Annotated[str, typer.Argument(metavar="ID", help="Record, or the first 6 digits or more of it.")]
Png = Annotated[Path | None, typer.Option("--png", metavar="OUT.png", help="Draw a picture, .png or .svg.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


@app.command("list")
def list_(
    device: Annotated[str, typer.Option(metavar="SERIAL", help="Records of this device only.")] = "",
    json: Json = False,
) -> None:
    """List calibration records: what counts, until when, and what became of the others."""
    from .calibration_words import listed_json, listed_row

    store = _store(load_settings())
    found = [one for one in store.listed() if not device or one.record.device_serial == device]
    if json:
        for one in found:
            emit_json(listed_json(one))
    elif not found:
        say("no calibration records: every device's own axis counts; opioscan calibrate makes them")
    else:
        rows = [listed_row(one) for one in found]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    damaged = store.damaged()
    for other in damaged[1:]:
        warn(f"{other.path}: {other.what}")
    if damaged:
        raise CalibrationDamaged(f"{damaged[0].path}: {damaged[0].what}; it is not used")


@app.command()
def show(record: RecordId, png: Png = None, force: Force = False, json: Json = False) -> None:
    """Show one record: figures, standards, lines before and after, scans."""
    from ..calibration_before import residuals_before
    from .calibration_words import listed_json, page

    settings = load_settings()
    store = _store(settings)
    one = _listed(store, record)
    before = residuals_before(settings, store, one.record)
    if png is not None:
        from ..plots.calibration_record import record_picture

        _draw(png, record_picture(one.record, _picture(png), before=before), force)
    if json:
        emit_json({**listed_json(one), "before": list(before), "record": one.record.to_json()})
        return
    for line in page(one, before):
        say(line)


@app.command()
def compare(
    first: RecordId,
    second: Annotated[str, typer.Argument(metavar="ID", help="Record to compare with it.")],
    png: Png = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say how far two records of one kind differ: axes in cm⁻¹, responses as a ratio, widths."""
    store = _store(load_settings())
    one, other = store.get(first), store.get(second)
    if one.kind is not other.kind:
        raise UsageError(f"a record of kind {one.kind} cannot be compared with one of kind {other.kind}")
    facts, difference, unit = _compared(one, other)
    facts = {
        "first": one.record_id,
        "second": other.record_id,
        "kind": str(one.kind),
        "same_device": one.device_serial == other.device_serial,
        **facts,
    }
    if png is not None:
        if difference is None:
            raise UsageError("two widths make no picture; leave --png out")
        from ..plots.calibration_record import difference_picture

        mark = "EMULATED · " if one.emulated or other.emulated else ""
        title = f"{mark}{one.kind}: {other.record_id[:12]} against {one.record_id[:12]}"
        _draw(png, difference_picture(difference, title, unit, _picture(png)), force)
    if json:
        emit_json(facts)
        return
    say(f"{other.record_id[:12]} against {one.record_id[:12]}: {facts['words']}")
    if not facts["same_device"]:
        warn(f"they are of two devices, {one.device_serial} and {other.device_serial}")


@app.command()
def export(
    record: RecordId,
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="File to write.")],
    force: Force = False,
) -> None:
    """Write a record to a file, in the form its identifier is the SHA-256 of."""
    from ..calibration_files import record_bytes
    from .spectrum_files import write_whole

    found = _store(load_settings()).get(record)
    write_whole(out, record_bytes(found), force=force)
    say(f"{out}: record {found.record_id}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="A record, as export writes it.")],
    digest: Annotated[
        str, typer.Option(metavar="ID", help="Identifier it must have, as it was told by somebody trusted.")
    ] = "",
    json: Json = False,
) -> None:
    """Put a record made elsewhere among the records here; it counts as if it had been made here."""
    from ..calibration_files import RECORD_NAME, read_bounded, record_of
    from .calibration_words import listed_json

    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such file")
    named = RECORD_NAME.fullmatch(file.name)
    try:
        record = record_of(read_bounded(file), named[1] if named else "")
    except CalibrationDamaged as error:
        raise CalibrationDamaged(f"{file}: {error}") from error
    if digest and not (len(digest) >= 6 and record.record_id.startswith(digest.lower())):
        raise CalibrationDamaged(f"{file}: this is record {record.record_id}, not {digest[:64]}")
    store = _store(load_settings())
    store.keep(record)
    one = _listed(store, record.record_id)
    if json:
        emit_json(listed_json(one))
    else:
        mark = " EMULATED" if record.emulated else ""
        say(f"kept {record.record_id}: {record.kind} of {record.device_serial}, {one.state}{mark}")


@app.command()
def withdraw(
    record: RecordId,
    why: Annotated[str, typer.Option(help="Why it must not be used any more.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    json: Json = False,
) -> None:
    """Take a record out of force for ever. It stays, and results keep naming it."""
    from .calibration_words import listed_json

    store = _store(load_settings())
    gone = store.withdraw(record, why=why, by=by, at=datetime.now(UTC).isoformat(timespec="seconds"))
    one = _listed(store, gone.record_id)
    if json:
        emit_json(listed_json(one))
        return
    left = getattr(store.in_force(one.record.device_serial), str(one.record.kind))
    say(f"withdrawn at {gone.at} by {gone.by}: {gone.why}")
    nothing = f"{one.record.device_serial} has no {one.record.kind} record in force now"
    say(nothing if left is None else f"in force now: {left.record_id[:12]}, made {left.made_at}")


def _store(settings: Settings) -> "Calibrations":
    from ..calibrations import Calibrations

    return Calibrations(settings.calibrations_dir)


def _listed(store: "Calibrations", record_id: str) -> "Listed":
    wanted = store.get(record_id).record_id
    found = next((one for one in store.listed() if one.record_id == wanted), None)
    if found is None:
        raise CalibrationNotFound(f"calibration record {wanted} is gone")
    return found


def _compared(
    one: "CalibrationRecord", other: "CalibrationRecord"
) -> tuple[dict[str, Any], "Difference | None", str]:
    """Return how two records differ, as facts, as a curve where there is one, and the curve's unit."""
    from calibration.comparing import compare_axes, compare_responses, compare_widths
    from calibration.outcomes import AxisOutcome, ResolutionOutcome, ResponseOutcome

    first, second = one.outcome, other.outcome
    if isinstance(first, AxisOutcome) and isinstance(second, AxisOutcome):
        found = compare_axes(first, second)
        where, worst = found.farthest(0.0)
        low, high = float(found.axis_cm1[0]), float(found.axis_cm1[-1])
        words = (
            f"mean {found.mean:+.3f} cm⁻¹, at most {worst:+.3f} at {where:.0f} ({low:.0f} to {high:.0f} cm⁻¹)"
        )
        facts = {"mean_cm1": found.mean, "max_cm1": worst, "at_cm1": where, "range_cm1": [low, high]}
        return {**facts, "words": words}, found, "cm-1"
    if isinstance(first, ResponseOutcome) and isinstance(second, ResponseOutcome):
        found = compare_responses(first, second)
        where, worst = found.farthest(1.0)
        low, high = float(found.axis_cm1[0]), float(found.axis_cm1[-1])
        least, most = found.span
        words = f"ratio {least:.3f} to {most:.3f}, farthest {worst:.3f} at {where:.0f} cm⁻¹"
        facts = {"ratio": [least, most], "farthest": worst, "at_cm1": where, "range_cm1": [low, high]}
        return {**facts, "words": words}, found, ""
    assert isinstance(first, ResolutionOutcome)
    assert isinstance(second, ResolutionOutcome)
    wider, sigma = compare_widths(first, second)
    words = f"width {wider:+.2f} ± {sigma:.2f} cm⁻¹"
    return {"wider_cm1": wider, "sigma_cm1": sigma, "words": words}, None, ""


def _picture(path: Path) -> Path:
    """Return a path a picture can be drawn to; raises `UsageError` for another suffix."""
    from ..plots import kind_of

    try:
        kind_of(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return path


def _draw(path: Path, data: bytes, force: bool) -> None:
    from .spectrum_files import write_whole

    write_whole(path, data, force=force)


app.command("chart")(chart)
