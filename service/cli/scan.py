"""``opioscan scan``: one command screens a parcel."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectra.values import Presentation

from ..errors import UsageError
from ..settings import Settings, load_settings
from .output import console, emit_json, progress, say, verdict_panel, warn

if TYPE_CHECKING:
    from ..bench.client import BenchClient

app = typer.Typer(add_completion=False)

DeviceOption = Annotated[str, typer.Option("--device", help="Name of a configured device, or its URL.")]
Parcel = Annotated[
    str, typer.Option("--parcel", help="Item identifier on the label; '' where the label is missing.")
]
Blank = Annotated[
    str, typer.Option("--blank", help="Blank to use; with --take-blank, the name to keep it under.")
]
TakeBlank = Annotated[
    bool, typer.Option("--take-blank", help="Scan the empty container first, then ask for the sample.")
]
Spot = Annotated[int, typer.Option("--spot", min=1, max=100, help="Number of the spot on the item.")]
Attempt = Annotated[int, typer.Option("--attempt", min=1, max=100, help="Number of the try at that spot.")]
Adaptive = Annotated[bool, typer.Option("--adaptive", help="Not yet available.")]
Shown = Annotated[
    Presentation | None,
    typer.Option("--presentation", help="What is between probe and sample.", show_default="direct"),
]
Exposure = Annotated[
    float | None,
    typer.Option("--exposure", help="Exposure of one accumulation, s.", show_default="automatic"),
]
Accumulations = Annotated[int, typer.Option("--accumulations", min=1, max=100, help="Frames to average.")]
KeepOpen = Annotated[bool, typer.Option("--keep-open", help="More spots of this parcel will follow.")]
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
    parcel: Parcel,
    blank: Blank = "",
    take_blank: TakeBlank = False,
    spot: Spot = 1,
    attempt: Attempt = 1,
    adaptive: Adaptive = False,
    presentation: Shown = None,
    exposure: Exposure = None,
    accumulations: Accumulations = 3,
    keep_open: KeepOpen = False,
    as_json: Json = False,
) -> None:
    """Scan a parcel, identify what is in it, and hand in the result. Ctrl-C turns the laser off."""
    if adaptive:
        raise UsageError("--adaptive is not yet available; scan the spots one by one with --spot")
    if exposure is not None and not 0.0 < exposure <= 600.0:
        raise UsageError(f"--exposure {exposure:g}: write more than 0 and at most 600 seconds")
    firing: dict[str, Any] = {"exposure_s": exposure, "accumulations": accumulations}
    settings = load_settings()
    with _agent(settings) as client:
        asked = _questions(client, device, settings)
        if take_blank:
            blank = blank or f"blank {parcel or 'no label'}"[:64]
            _take_blank(client, device, blank, presentation, {**firing, **asked})
        shown = presentation or (Presentation.BAG if take_blank else Presentation.DIRECT)
        with _firing(f"scanning {parcel or 'an item without a label'}"):
            answer = client.scan(
                device,
                parcel,
                blank=blank,
                spot=spot,
                attempt=attempt,
                presentation=str(shown),
                keep_open=keep_open,
                **firing,
                **asked,
            )
    _show(answer, as_json=as_json)


@contextlib.contextmanager
def _firing(description: str) -> Iterator[None]:
    try:
        with progress(description):
            yield
    except KeyboardInterrupt:
        # The client has waited for the agent to read the laser back; had it failed, it would say that.
        sys.stderr.write("opioscan: stopped by Ctrl-C; the laser was read back as off\n")
        raise


def _agent(settings: Settings) -> "BenchClient":
    from ..bench.client import BenchClient

    return BenchClient.connect(settings)


def _questions(client: "BenchClient", device: str, settings: Settings) -> dict[str, Any]:
    """Ask on a terminal what has to be known before a laser fires; a program answers for itself."""
    from instrument.config import bench_config

    has_laser = "laser=" in device if "://" in device else bench_config(device, settings.devices_path).laser
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if has_laser:
            warn("no terminal: nobody was asked about laser eyewear and energetic material")
        return {"asked_on": "nobody"}
    eyewear = None
    if has_laser and not client.status()["eyewear_confirmed"]:
        eyewear = typer.confirm("Does everybody at the bench wear laser eyewear, for this shift?", err=True)
    energetic = typer.confirm("Is the sample dark, or possibly energetic (explosive)?", err=True)
    return {"asked_on": "terminal", "eyewear": eyewear, "energetic": energetic}


def _take_blank(
    client: "BenchClient", device: str, name: str, shown: Presentation | None, firing: dict[str, Any]
) -> None:
    _wait_for("Put the EMPTY container before the probe, then press Enter.")
    firing = {key: value for key, value in firing.items() if key != "energetic"}
    with _firing("scanning the empty container"):
        client.blank(device, name, presentation=str(shown or Presentation.BAG), **firing)
    _wait_for("Now put the SAMPLE in the container before the probe, then press Enter.")


def _wait_for(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    if not sys.stdin.readline():
        raise UsageError("--take-blank needs somebody to change the sample: standard input is closed")


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
    say(f"Parcel {answer['item']}: {_POSTED[answer['posted']]}; its screening is {answer['screening']}.")
    say(f"Result {answer['result_id']}\nScan   {answer['archive_path']}")
