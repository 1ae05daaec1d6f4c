"""What every command that fires has in common: questions, a stage line, and Ctrl-C."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import AgentRefused, AgentUnreachable
from .output import console, warn
from .start import printable

if TYPE_CHECKING:
    from ..bench.client import BenchClient

Delay = Annotated[
    float,
    typer.Option("--delay", min=0.0, max=60.0, help="Count down so many seconds before anything fires."),
]
Exposure = Annotated[
    float | None,
    typer.Option("--exposure", help="Exposure of one accumulation, s.", show_default="automatic"),
]
Accumulations = Annotated[
    int | None,
    typer.Option(
        "--accumulations",
        min=1,
        max=100,
        help="Frames to average; with --adaptive, at most.",
        show_default="3; 10 with --adaptive; 1 where the device averages",
    ),
]

#: How often the stage is asked for, s.
_EVERY_S = 0.2

_EYEWEAR = "Does everybody at the bench wear laser eyewear, for this shift?"
_DARK = "Is the sample dark, or possibly energetic (explosive)?"
_ENERGETIC = "Is the sample possibly energetic (explosive)?"


def questions(client: "BenchClient", device: str, *, item: str | None = None) -> dict[str, Any]:
    """Ask on a terminal what has to be known before anything fires; a program answers for itself.

    Parameters
    ----------
    client
        The agent.
    device
        Name or URL.
    item
        Item to be scanned, empty for a missing label; None for what is no parcel, such as a blank.

    Returns
    -------
    dict
        Fields of a request.
    """
    ask = client.questions(device, item or "")
    has_laser = ask["device"]["has_laser"]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if has_laser:
            about = "laser eyewear" if item is None else "laser eyewear and energetic material"
            warn(f"no terminal: nobody was asked about {about}")
        return {"asked_on": "nobody"}
    answers: dict[str, Any] = {"asked_on": "terminal"}
    if ask["ask_eyewear"]:
        answers["eyewear"] = typer.confirm(_EYEWEAR, err=True)
    if item is not None and ask["ask_energetic"]:
        answers["energetic"] = typer.confirm(_DARK if has_laser else _ENERGETIC, err=True)
    return answers


@contextlib.contextmanager
def stages(client: "BenchClient", device: str, description: str) -> Iterator[None]:
    """Show on a terminal what the device is doing while a block waits for it; nothing in a pipe.

    Parameters
    ----------
    client
        The agent.
    device
        Name or URL of the device.
    description
        What is under way, as the line begins.
    """
    try:
        screen = console(stderr=True)
        if not screen.is_terminal:
            yield
            return
        ended = threading.Event()
        with screen.status(printable(description)) as line:

            def follow() -> None:
                with client.twin() as twin:
                    while not ended.wait(_EVERY_S):
                        line.update(printable(f"{description}: {_stage(twin, device)}"))

            follower = threading.Thread(target=follow, name="stages", daemon=True)
            follower.start()
            try:
                yield
            finally:
                ended.set()
                follower.join(1.0)
    except KeyboardInterrupt:
        # The client has waited for the agent to read the laser back; had it failed, it would say that.
        sys.stderr.write("opioscan: stopped by Ctrl-C; the laser was read back as off\n")
        raise


def _stage(client: "BenchClient", device: str) -> str:
    try:
        found = client.questions(device)["device"]
    except (AgentRefused, AgentUnreachable):
        return "…"
    activity = found["activity"]
    words = activity["words"] if activity else "getting ready"
    return f"{words} (LASER ON)" if found["laser"] == "on" else words
