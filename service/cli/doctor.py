"""``opioscan doctor``: what is installed, attached and reachable, and what to do about the rest."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from ..problems import message_of
from ..settings import Settings, load_settings
from . import checks, checks_calibration, checks_reach, checks_released
from .checks import Check, State
from .output import console, emit_json
from .start import printable

app = typer.Typer(add_completion=False)

CHECKS: tuple[Callable[[Settings], Iterator[Check]], ...] = (
    checks.software,
    checks.home_folder,
    checks.devices,
    checks_reach.drivers,
    checks.starter_library,
    checks.methods,
    checks_released.released_method,
    checks_calibration.calibrations,
    checks_reach.bench_agent,
    checks_reach.server,
    checks_reach.outbox,
    checks.clock,
)

_MARKS = {
    State.OK: ("ok     ", "green"),
    State.NOTE: ("note   ", "cyan"),
    State.PROBLEM: ("PROBLEM", "bold red"),
}


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is installed, attached and reachable. Problems are marked; the exit code is 0."""
    found = list(run_checks(load_settings()))
    problems = sum(check.state is State.PROBLEM for check in found)
    if as_json:
        emit_json({"checks": [asdict(check) for check in found], "problems": problems})
        return
    screen = console()
    for check in found:
        screen.print(_line(check), soft_wrap=not screen.is_terminal)
    screen.print(f"{problems} problem(s)" if problems else "no problems")


def run_checks(settings: Settings) -> Iterator[Check]:
    """Yield what every check found; one that fails itself is a problem like any other."""
    for check in CHECKS:
        try:
            yield from check(settings)
        except Exception as error:
            yield Check(check.__name__.replace("_", " "), State.PROBLEM, message_of(error))


def _line(check: Check) -> Text:
    mark, style = _MARKS[check.state]
    return Text.assemble((mark, style), f"  {check.name}: {printable(check.text)}")
