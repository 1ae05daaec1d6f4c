"""Store a method of the real or of generated references, with all that is kept beside it.

    speed_library.py SHARED REFERENCES FOLDER

References: 0 for the real library, else so many generated ones. Prints how long the references took to prepare.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import speed_references

from library.method_store import write_method
from library.methods import NULL_REVISION
from library.store import write_library
from spectra.method import WatchItem, fit
from spectra.nulls import NullTable, ordered_table, simulate_null
from spectra.refset import build_reference_set
from spectra.values import Technique

#: Name the method is stored under.
NAME = "speed"

#: Draws of the null table that both libraries are given: the time to make it is not the question here.
DRAWS = 300


def main() -> None:
    """Fit and store."""
    shared, count, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    real = speed_references.real_entries(shared)
    table = _table(real)
    entries = real
    if count:
        entries = speed_references.generated_entries(*speed_references.generate(shared, count))
    library = write_library(folder / "imported.h5", entries, name=NAME)
    entries = list(library.entries)
    began = time.monotonic()
    method = fit(
        entries,
        name=NAME,
        library_name=library.name,
        library_digest=library.digest,
        watch_list=[WatchItem(entry.substance.name) for entry in entries[:2]],
        nulls={Technique.RAMAN: table},
    )
    prepared = time.monotonic() - began
    write_method(folder, method, library, {"null_revision": NULL_REVISION})
    print(json.dumps({"references": len(entries), "prepared_s": round(prepared, 1)}))


def _table(entries: list[Any]) -> NullTable:
    references = build_reference_set(entries, speed_references.RECIPE)
    made = simulate_null(references, draws=DRAWS)
    return ordered_table(made.maxima, made.regimes, made.seed)


if __name__ == "__main__":
    main()
