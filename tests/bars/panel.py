"""The panel of a real handheld and the real library, as several bars use them."""

import csv
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from figures import opioscan

#: Pairs that are one compound under two names in the real library (its SOURCE.md).
SYNONYMS = {
    "2-Propanol": "isopropanol",
    "Methyl Ethyl Ketone": "2-Butanone",
    "Citric Acid Anhydrate": "Citric Acid",
}

Answer = dict[str, Any]


def same(name: str) -> str:
    """Return one name for each compound."""
    return SYNONYMS.get(name, name).casefold()


def first(answer: Answer) -> str:
    """Return the first component of an answer; empty for none."""
    return str(answer["components"][0]["substance"]) if answer["components"] else ""


def contents(answer: Answer) -> list[str]:
    """Return what an answer names as content, not as container."""
    return [str(one["substance"]) for one in answer["components"] if one["role"] == "content"]


def rows(shared: Path, group: str) -> list[dict[str, Any]]:
    """Return the panel's rows of a group, with ``file`` and ``blank`` as paths."""
    panel = shared / "panels" / "raman785_sig.csv"
    with panel.open(encoding="utf-8", newline="") as file:
        return [
            {
                **row,
                "file": (panel.parent / row["file"]).resolve(),
                "blank": (panel.parent / row["blank"]).resolve() if row["blank"] else None,
            }
            for row in csv.DictReader(file)
            if row["group"] == group
        ]


def cli(home: Path, arguments: Iterable[str | Path]) -> list[Answer]:
    """Run a command with ``--json`` and return its objects."""
    done = subprocess.run(
        [opioscan(), *map(str, arguments), "--json"],
        env={**os.environ, "OPIOSCAN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    if done.returncode:
        raise RuntimeError(f"opioscan exit {done.returncode}: {done.stderr[-1000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def import_library(home: Path, shared: Path, into: Path) -> Answer:
    """Import the real library and return what the command said."""
    return cli(home, ["library", "import", shared / "data" / "raman785-library", "--into", into])[0]
