"""``opioscan calibration chart``: an instrument's verifications over time, as numbers and as a picture."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..settings import Settings, load_settings
from .output import emit_json, say

if TYPE_CHECKING:
    from calibration.chart_series import Chart, ChartPoint, VerificationPoint

#: Charts that a terminal shows; the JSON has one for each line, too.
_SHOWN = ("position", "worst", "width", "intensity", "snr")

#: Newest signals that are told one by one.
_MOST_SIGNALS = 12


def chart(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Name, serial number or model/serial.")],
    png: Annotated[
        Path | None, typer.Option("--png", metavar="OUT.png", help="Draw the charts, .png or .svg.")
    ] = None,
    standard: Annotated[str, typer.Option(help="Standard that was measured.")] = "polystyrene",
    since: Annotated[str, typer.Option(metavar="DATE", help="Verifications from this day on.")] = "",
    baseline: Annotated[
        int | None, typer.Option(min=8, help="Passed verifications that set the limits; default 20.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one chart a line.")] = False,
) -> None:
    """Chart position, width and intensity of a standard over time (Shewhart and EWMA).

    A new calibration of axis or response starts a chart anew. A signal says where to look; only a
    verification passes or fails.
    """
    from calibration.chart_series import BASELINE, charts_of

    from ..verification_history import device_of, verification_points

    settings = load_settings()
    known = verification_points(settings)
    identity = _identity(settings, device, known)
    begin = _moment(since) if since else datetime.min.replace(tzinfo=UTC)
    points = [
        point
        for point in known
        if (point.device, point.standard) == (identity, standard)
        and datetime.fromisoformat(point.at) >= begin
    ]
    charts = charts_of(points, baseline=baseline or BASELINE)
    made_by = device_of(settings, points[-1]) if points else None
    mark = "EMULATED" if made_by is not None and made_by.emulated else ""
    if png is not None:
        _draw(charts, f"{identity} · {standard}", png, mark, force)
    if json:
        for one in charts:
            emit_json({"device": identity, "standard": standard, "emulated": bool(mark), **one.to_json()})
        return
    for line in _page(charts, points, f"{identity}, {standard}", mark):
        say(line)


def _page(
    charts: "Sequence[Chart]", points: "Sequence[VerificationPoint]", title: str, mark: str
) -> Iterator[str]:
    unclear = sum(point.passed is None for point in points)
    failed = sum(point.passed is False for point in points)
    told = f"{len(points)} verifications, {failed} failed, {unclear} without a verdict"
    yield f"{title}: {told}  {mark}".rstrip()
    if not any(one.points for one in charts):
        yield "nothing to chart yet: opioscan verify fills the charts"
        return
    yield "             newest     mean   limits (± 3σ)          EWMA   limits                 signals"
    for one in charts:
        if one.name in _SHOWN and one.points:
            yield _row(one)
    yield from _signals(charts)


def _row(chart: "Chart") -> str:
    phase = chart.phases[-1]
    point, limits = phase.points[-1], phase.limits
    name = f"{chart.name:10}"
    if limits is None or point.average is None:
        passed = sum(one.passed for one in phase.points)
        return f"  {name} {_figure(point.value)}   no limits yet: {passed} passed since the last calibration"
    shewhart = f"{_figure(limits.low)} … {_figure(limits.high)}"
    ewma = f"{_figure(point.average.value)} {_figure(point.average.low)} … {_figure(point.average.high)}"
    count = sum(bool(one.signals) for one in phase.points)
    said = f"{count} of {len(phase.points)}{', NOW: ' + _words(point) if point.signals else ''}"
    return f"  {name} {_figure(point.value)}{_figure(limits.centre)} {shewhart}  {ewma}   {said}"


def _signals(charts: "Sequence[Chart]") -> Iterator[str]:
    told = [
        (point.at, f"  {point.at}  {one.name:10} {_figure(point.value)}  {_words(point)}")
        for one in charts
        if one.name in _SHOWN
        for point in one.points
        if point.signals
    ]
    if not told:
        return
    told.sort(reverse=True)
    yield f"signals, newest first{f' ({_MOST_SIGNALS} of {len(told)})' if len(told) > _MOST_SIGNALS else ''}:"
    yield from (line for _, line in told[:_MOST_SIGNALS])


def _words(point: "ChartPoint") -> str:
    said = {"beyond": "beyond 3σ", "run": "8 on one side", "trend": "6 steadily", "ewma": "EWMA out"}
    return ", ".join(said[one] for one in sorted(point.signals))


def _figure(value: float) -> str:
    return f"{value:9.3f}" if abs(value) < 1000 else f"{value:9.4g}"


def _identity(settings: Settings, device: str, points: "Sequence[VerificationPoint]") -> str:
    """Return the instrument that a name, a serial number or an identity stands for."""
    from ..verification_history import instruments_named

    known = {point.device for point in points}
    if device in known:
        return device
    found = sorted(one for one in known if one.partition("/")[2] == device)
    found = found or list(instruments_named(settings, device, points))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{device!r} may be {' or '.join(found)}: give model/serial")
    listed = ", ".join(sorted(known)) or "none yet; opioscan verify makes the first"
    raise UsageError(f"no verifications of {device!r}; there are some of: {listed}")


def _draw(charts: "Sequence[Chart]", title: str, path: Path, mark: str, force: bool) -> None:
    from ..plots.control_chart import control_picture
    from .spectrum_files import write_whole

    try:
        data = control_picture(charts, title, path, mark=mark)
    except ValueError as error:
        raise UsageError(str(error)) from error
    write_whole(path, data, force=force)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since {text!r} is no date, such as 2026-11-01") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
