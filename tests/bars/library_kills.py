"""SIGKILL at random moments while a library is changed: the old or the new one is there, always valid.

As a program: ``library_kills.py --work DIR --kills N``, one JSON object.
"""

import argparse
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

from library.assignments import parse_assignment
from library.changes import read_changes
from library.editing import edit_entry
from library.errors import LibraryError
from library.merging import merge_into
from library.starter import ensure_starter
from library.store import read_library, write_library
from spectra.references import ReferenceEntry

#: Longest a program lives before it is killed, s.
LONGEST_S = 0.8


def kill_while_changing(library: Path, more: Path, folder: Path, *, kills: int, seed: int = 1) -> list[str]:
    """Kill programs that edit a library and merge entries into it; return what was wrong afterwards.

    Parameters
    ----------
    library
        Copied first; the copy is changed.
    more
        A library whose entries are merged in, some at a time.
    folder
        Empty folder for the copy.
    kills
        How many programs are started and killed.
    """
    folder.mkdir()
    path = folder / "killed.h5"
    shutil.copy(library, path)
    first = read_library(path).entries[0]
    key = first.reference_id
    extra = read_library(more).entries
    rng = random.Random(seed)
    wrong = []
    for number in range(kills):
        child = os.fork()
        if child == 0:
            _change_for_ever(path, key, extra, number)
        time.sleep(rng.uniform(0.005, LONGEST_S))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        wrong += _wrong(path, first, number)
    return wrong


def _change_for_ever(path: Path, key: str, extra: tuple[ReferenceEntry, ...], number: int) -> None:
    for turn in range(1_000_000):
        edit_entry(
            path, key, [parse_assignment(f"form={number}-{turn}")], by="bar", at="2026-11-22T00:00:00Z"
        )
        merge_into(path, extra[turn % 5 :: 7])
    os._exit(0)


def _wrong(path: Path, first: ReferenceEntry, number: int) -> list[str]:
    try:
        library = read_library(path)
        changes = read_changes(path)
    except LibraryError as error:
        return [f"kill {number}: {error}"]
    form = library.entry(first.reference_id).form
    if form not in {"", first.form} and not any(change["changes"][-1]["new"] == form for change in changes):
        return [f"kill {number}: a change without a line in the journal"]
    return []


def main() -> None:
    """Change and kill, and print what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=5)
    given = parser.parse_args()
    starter = ensure_starter(given.work / "home")
    half = given.work / "half.h5"
    write_library(half, read_library(starter).entries[::2], name="half")
    wrong = kill_while_changing(half, starter, given.work / "killed", kills=given.kills)
    print(json.dumps({"wrong": wrong}))


if __name__ == "__main__":
    main()
