"""``opioscan verify``: hold an instrument against a standard, and against nothing at all."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..settings import load_settings
from .firing import Accumulations, Delay, Exposure, questions, stages
from .output import emit_json, say
from .verify_words import page

if TYPE_CHECKING:
    from ..bench.client import BenchClient

app = typer.Typer(help="Verify an instrument with a standard.", add_completion=False)

#: Exit code of a verification that did not pass: the answer is negative where that is the question.
NOT_PASSED = 1

_EMPTY = "Take the standard away, leave the place empty, and check that nothing is found (negative control)?"


@app.command()
def main(
    device: Annotated[str, typer.Option(metavar="NAME_OR_URL", help="Device to verify.")],
    standard: Annotated[
        str, typer.Option(help="Before the probe: polystyrene, acetaminophen (paracetamol) or cyclohexane.")
    ] = "polystyrene",
    negative: Annotated[
        bool, typer.Option("--negative", help="Nothing is before the probe, and nothing may be found.")
    ] = False,
    delay: Delay = 0.0,
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Scan a standard and compare its bands with ASTM E1840; exit code 1 where it does not pass.

    A failure flags every result of the device since its last pass for review.
    """
    from ..bench.client import BenchClient

    firing = {"delay_s": delay, "exposure_s": exposure, "accumulations": accumulations}
    with BenchClient.connect(load_settings()) as bench:
        passed = _control(bench, device, firing, negative=negative, standard=standard, json=json)
        on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
        if passed and not negative and not json and on_terminal and typer.confirm(_EMPTY, err=True):
            passed = _control(bench, device, firing, negative=True, standard=standard, json=json)
    if not passed:
        raise typer.Exit(NOT_PASSED)


def _control(
    bench: "BenchClient", device: str, firing: dict[str, Any], *, negative: bool, standard: str, json: bool
) -> bool:
    """Make one control, print it, and return whether it passed."""
    asked = questions(bench, device)
    what = {"negative": True} if negative else {"standard": standard}
    with stages(bench, device, "scanning the empty place" if negative else f"scanning {standard}"):
        answer = bench.verify(device, **what, **firing, **asked)
    if json:
        emit_json(answer)
    else:
        say(page(answer))
    return bool(answer["passed"])
