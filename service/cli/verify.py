"""``opioscan verify``: hold an instrument's axis against a standard."""

from typing import Annotated, Any

import typer

from ..settings import load_settings
from .firing import Accumulations, Delay, Exposure, questions, stages
from .output import emit_json, say

app = typer.Typer(help="Verify an instrument with a standard.", add_completion=False)

#: Exit code of a verification that failed: the answer is negative where that is the question.
FAILED = 1


@app.command()
def main(
    device: Annotated[str, typer.Option(metavar="NAME_OR_URL", help="Device to verify.")],
    standard: Annotated[
        str, typer.Option(help="Standard before the probe: polystyrene, acetaminophen or cyclohexane.")
    ] = "polystyrene",
    delay: Delay = 0.0,
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Scan a standard and compare its bands with ASTM E1840; exit code 1 where it fails."""
    from ..bench.client import BenchClient

    firing = {"delay_s": delay, "exposure_s": exposure, "accumulations": accumulations}
    with BenchClient.connect(load_settings()) as bench:
        asked = questions(bench, device)
        with stages(bench, device, f"scanning {standard}"):
            answer = bench.verify(device, standard=standard, **firing, **asked)
    if json:
        emit_json(answer)
    else:
        say(page(answer))
    if not answer["passed"]:
        raise typer.Exit(FAILED)


def page(answer: dict[str, Any]) -> str:
    """Return a verification for people: line by line, then pass or fail."""
    outcome = answer["verification"]
    lines = [f"{outcome['standard']} on {answer['device']}, limit ± {outcome['limit_cm1']:g} cm⁻¹"]
    for line in outcome["lines"]:
        found = line["found_cm1"]
        if found is None:
            lines.append(f"  {line['expected_cm1']:8.1f}   not found")
        else:
            lines.append(
                f"  {line['expected_cm1']:8.1f}   {found:8.2f}   {found - line['expected_cm1']:+.2f}"
            )
    lines.append("PASS" if answer["passed"] else "FAIL: take the instrument out of use and recalibrate it")
    return "\n".join(lines)
