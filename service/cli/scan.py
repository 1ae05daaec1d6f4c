"""``opioscan scan``: one command screens a parcel."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectra.reasons import Verdict
from spectra.values import Presentation

from ..errors import UsageError
from ..settings import load_settings
from ..words import WORDS, attempt_lines, technique_lines
from .firing import Accumulations, Delay, Exposure, questions, stages
from .output import console, emit_json, say, verdict_panel, warn

if TYPE_CHECKING:
    from ..bench.client import BenchClient

app = typer.Typer(add_completion=False)

DeviceOption = Annotated[str, typer.Option("--device", help="Name of a configured device, or its URL.")]
Parcel = Annotated[
    str | None,
    typer.Option("--parcel", help="Item identifier on the label; '' where the label is missing."),
]
Blank = Annotated[
    str, typer.Option("--blank", help="Blank to use; with --take-blank, the name to keep it under.")
]
TakeBlank = Annotated[
    bool,
    typer.Option(
        "--take-blank",
        help="Scan the empty container first, then ask for the sample; without --parcel, the blank only.",
    ),
]
Origin = Annotated[str, typer.Option("--origin", help="With --take-blank: where the container comes from.")]
Spot = Annotated[int, typer.Option("--spot", min=1, max=100, help="Number of the spot on the item.")]
Attempt = Annotated[
    int | None,
    typer.Option(
        "--attempt", min=1, max=100, help="Number of the try at that spot.", show_default="the next one"
    ),
]
Adaptive = Annotated[bool, typer.Option("--adaptive", help="Accumulate until the identification is decided.")]
Shown = Annotated[
    Presentation | None,
    typer.Option(
        "--presentation", help="What is between probe and sample.", show_default="as the device is used"
    ),
]
KeepOpen = Annotated[bool, typer.Option("--keep-open", help="More spots of this parcel will follow.")]
Operator = Annotated[
    str,
    typer.Option("--operator", help="Who scans.", show_default="the signed-in officer, else this account"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the identification as one JSON line.")]

_POSTED = {
    "posted": "the result is with the server",
    "queued": "the result is kept here and goes to the server when it can be reached",
    "refused": "the server refused the result; see 'opioscan outbox status'",
    "no_server": "the result is kept here; no server is configured",
}


@app.command()
def scan(
    device: DeviceOption,
    parcel: Parcel = None,
    blank: Blank = "",
    take_blank: TakeBlank = False,
    origin: Origin = "",
    spot: Spot = 1,
    attempt: Attempt = None,
    adaptive: Adaptive = False,
    delay: Delay = 0.0,
    presentation: Shown = None,
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    keep_open: KeepOpen = False,
    operator: Operator = "",
    as_json: Json = False,
) -> None:
    """Scan a parcel, identify what is in it, and hand in the result. Ctrl-C turns the laser off."""
    from ..bench.client import BenchClient
    from ..bench.signing_in import account_name, check_operator

    if parcel is None and not take_blank:
        raise UsageError("say which item it is with --parcel, or take only a blank with --take-blank")
    if exposure is not None and not 0.0 < exposure <= 600.0:
        raise UsageError(f"--exposure {exposure:g}: write more than 0 and at most 600 seconds")
    shown = None if presentation is None else str(presentation)
    firing = {"exposure_s": exposure, "delay_s": delay, "presentation": shown}
    with BenchClient.connect(load_settings()) as client:
        asked = questions(client, device, item=parcel)
        if take_blank:
            blank = blank or f"blank {parcel or 'no label'}"[:64]
            fields = {**firing, "accumulations": accumulations, "origin": origin, **asked}
            kept = _take_blank(client, device, blank, fields, alone=parcel is None)
        if parcel is None:
            _show_blank(kept, as_json=as_json)
            return
        with stages(client, device, f"scanning {parcel or 'an item without a label'}"):
            answer = client.scan(
                device,
                parcel,
                blank=blank,
                spot=spot,
                attempt=attempt,
                adaptive=adaptive,
                accumulations=accumulations,
                keep_open=keep_open,
                operator=check_operator(operator),
                account=account_name()[:64],
                **firing,
                **asked,
            )
    _show(answer, as_json=as_json)


def _take_blank(
    client: "BenchClient", device: str, name: str, fields: dict[str, Any], *, alone: bool
) -> dict[str, Any]:
    if not alone or sys.stdin.isatty():
        _wait_for("Put the EMPTY container before the probe, then press Enter.")
    fields = {key: value for key, value in fields.items() if key != "energetic"}
    with stages(client, device, "scanning the empty container"):
        kept = client.blank(device, name, **fields)
    if not alone:
        _wait_for("Now put the SAMPLE in the container before the probe, then press Enter.")
    return kept


def _wait_for(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    if not sys.stdin.readline():
        raise UsageError("--take-blank needs somebody to change the sample: standard input is closed")


def _show_blank(kept: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(kept)
        return
    until = f"kept for {kept['device']} until {kept['expires_at']}"
    say(f"Blank {kept['name']!r} ({kept['container']}) is {until}.")
    seen = ", ".join(part["substance"] for part in kept["identification"]["components"])
    say(f"Seen in it: {seen or 'nothing'}\nScan   {kept['scan_id']}")


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    if answer["laser_nm_assumed"]:
        warn("the device URL names no laser_nm; 785 nm was assumed and written into the scan")
    if answer["device"]["emulated"]:
        warn("this is an emulated device: no real sample was measured")
    if as_json:
        emit_json(answer["identification"])
        words = f"result {answer['result_id']}: {_POSTED[answer['posted']]}"
        sys.stderr.write(f"opioscan: {words}; screening {answer['screening_id']} {answer['screening']}\n")
        return
    console().print(verdict_panel(answer["identification"]))
    if both := answer["comparison"]:
        say(f"The device's own answer: {both['device'] or 'none'}; ours: {both['ours']}. {both['words']}")
    show_visit(answer["visit"])
    say(f"Parcel {answer['item']}: {_POSTED[answer['posted']]}; its screening is {answer['screening']}.")
    say(f"Result {answer['result_id']}\nScan   {answer['archive_path']}")


def show_visit(visit: dict[str, Any], *, always: bool = False) -> None:
    """Print the spots and attempts of an item with the combined finding, unless there is but one."""
    if len(visit["attempts"]) < 2 and not always:
        return
    for one in visit["attempts"]:
        say(f"  spot {one['spot']}, attempt {one['attempt']}: {_told(one)}")
    finding = visit["finding"]
    if finding is None:
        say("Whole parcel: no spot has an answer yet")
        return
    words = WORDS[Verdict(finding["verdict"])]
    named = f": {', '.join(finding['substances'])}" if finding["substances"] else ""
    say(f"Whole parcel: {words.symbol} {words.word}{named} ({finding['outward'].replace('_', ' ')})")
    lines = technique_lines(finding)
    for line in [*(lines if len(lines) > 1 else []), finding["agreement_text"], *attempt_lines(finding)]:
        say(f"  {line}")


def _told(one: dict[str, Any]) -> str:
    if not one["verdict"]:
        return "under way" if one["state"] == "begun" else f"■ aborted ({one['words']})"
    words = WORDS[Verdict(one["verdict"])]
    return f"{words.symbol} {words.word}" + (f": {one['named']}" if one["named"] else "")
