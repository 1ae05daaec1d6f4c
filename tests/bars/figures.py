"""What a bar is measured by: figures with what was wanted, written to one JSON file."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    what: str
    """What was measured, in words."""
    wanted: str
    """What the bar asks for; empty for a figure that is told but not asked for."""
    measured: str
    """What came out."""
    passed: bool | None
    """Whether that is enough; None for a figure that is only told."""


@dataclass(slots=True)
class Sheet:
    """The figures of one bar while it is being measured."""

    shared: Path | None
    """Folder of the shared data; None where there is none."""
    work: Path
    """Empty folder for everything the bar makes; kept afterwards."""
    root: Path
    """The checkout."""
    given: argparse.Namespace
    """Options of the program."""
    figures: list[Figure] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    """Tables to be printed after the figures; the first row of each is its head."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Details behind the figures, for whoever asks why."""

    def add(self, what: str, wanted: str, measured: str, *, passed: bool) -> None:
        """Keep a figure of the bar."""
        self.figures.append(Figure(what, wanted, measured, passed))

    def tell(self, what: str, measured: str) -> None:
        """Keep a figure that no bar asks for."""
        self.figures.append(Figure(what, "", measured, None))

    def at_most(self, what: str, limit: float, value: float, unit: str = "s") -> None:
        """Keep a figure with an upper limit."""
        self.add(what, f"≤ {limit:g} {unit}".strip(), f"{value:.2f} {unit}".strip(), passed=value <= limit)

    def all_of(self, what: str, right: int, total: int, *, want: int) -> None:
        """Keep a count that must be complete, of a set of known size."""
        self.add(what, f"{want}/{want}", f"{right}/{total}", passed=right == total == want)

    def none_of(self, what: str, found: list[str]) -> None:
        """Keep a count of what must not happen; the first cases are shown."""
        shown = f"{len(found)}" + (f": {'; '.join(found[:3])}" if found else "")
        self.add(what, "0", shown, passed=not found)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Keep a table to be printed after the figures."""
        self.tables.append([list(head), *(list(row) for row in rows)])

    def needs_shared(self) -> Path:
        """Return the folder of the shared data; ends the program where there is none."""
        if self.shared is None:
            sys.exit("shared data needed: set OPIOSCAN_SHARED, or put it beside the checkout as 'shared'")
        return self.shared


def opioscan() -> str:
    """Return the command of the environment that runs this program."""
    command = Path(sys.executable).with_name("opioscan")
    if not command.exists():
        sys.exit(f"{command} is missing: install opioscan into this environment first")
    return str(command)


def progress(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def run(
    measure: Callable[[Sheet], None], options: Callable[[argparse.ArgumentParser], None] | None = None
) -> None:
    """Measure one bar as a program: ``bar_….py --work DIR --out FILE [--shared DIR]``.

    Parameters
    ----------
    measure
        Fills the sheet.
    options
        Adds the bar's own options.
    """
    # So that a bar that takes too long still ends the programs it started.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("stopped"))
    # A shell's background jobs ignore SIGINT, and so would every program started from here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument("--shared", type=Path, help="folder of the shared data")
    parser.add_argument("--work", type=Path, required=True, help="empty folder to work in")
    parser.add_argument("--out", type=Path, help="JSON file for the figures; default: standard output")
    parser.add_argument("--issue", type=int, default=0, help="issue whose bar it is")
    if options is not None:
        options(parser)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    shared = given.shared.resolve() if given.shared else None
    sheet = Sheet(shared, given.work.resolve(), Path(__file__).resolve().parents[2], given)
    began = time.monotonic()
    measure(sheet)
    found = {
        "seconds": round(time.monotonic() - began, 1),
        "figures": [asdict(figure) for figure in sheet.figures],
        "tables": sheet.tables,
        "facts": sheet.facts,
    }
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if given.out is None:
        print(text, end="")
    else:
        given.out.write_text(text, "utf-8")
