"""1,000 random edits of a real database: audit verify finds every one and names the first bad event."""

import argparse
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from figures import Sheet, progress, run

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tamper_edits import KINDS, Edit, Tampered  # noqa: E402
from tamper_store import Store, make_store  # noqa: E402

from service.api.events.read_only import read_only  # noqa: E402
from service.api.events.sealing import rows_told  # noqa: E402
from service.api.events.verification import Proof, verify  # noqa: E402
from service.api.heads_key import PUBLIC  # noqa: E402
from service.api.witness import gather  # noqa: E402

#: Edits, untouched copies, results of the database.
EDITS, UNTOUCHED, RESULTS = 1000, 100, 300

#: Processes side by side.
LANES = 2

#: Edits that only what is kept outside the database can find.
ANEW = ("tail cut, head rewritten", "chain made anew")


@dataclass(frozen=True, slots=True)
class Trial:
    """One edit, and what was found."""

    kind: str
    edit: Edit | None
    found: bool
    named: bool
    said: str
    lists: bool


def measure(sheet: Sheet) -> None:
    """Tamper with copies of a database and count what is found."""
    given = sheet.given
    sheet.tell("seed", str(given.seed))
    store = make_store(sheet.work, given.results, given.seed)
    sheet.facts["rows"] = store.facts
    sheet.tell("database (all emulated)", ", ".join(f"{n} {name}" for name, n in sorted(store.facts.items())))
    last = _last_events(store.db)
    began = time.monotonic()
    jobs = list(_jobs(given.edits, given.untouched, given.seed))
    with ProcessPoolExecutor(LANES, initializer=_begin, initargs=(store, last, sheet.work)) as pool:
        trials = []
        for trial in pool.map(_try, jobs, chunksize=8):
            trials.append(trial)
            if len(trials) % 100 == 0:
                progress(f"{len(trials)} of {len(jobs)}")
    _tell(sheet, trials)
    sheet.tell("a proof", f"{(time.monotonic() - began) * LANES / len(jobs):.2f} s, of two side by side")
    sheet.none_of("exit codes of the command", _exit_codes(store, sheet.work))
    sheet.at_most("edits and proofs", 360.0, time.monotonic() - began)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sheet.tell("processor time of edits and proofs", f"{used.ru_utime + used.ru_stime:.0f} s")
    sheet.tell("memory", f"{used.ru_maxrss / 1024:.0f} MB")


def _jobs(edits: int, untouched: int, seed: int) -> Iterator[tuple[str, int]]:
    rng = random.Random(seed)
    total = sum(many for _, many in KINDS.values())
    kinds = [kind for kind, (_, many) in KINDS.items() for _ in range(max(1, many * edits // total))]
    jobs = [*kinds, *[""] * untouched]
    rng.shuffle(jobs)
    for number, kind in enumerate(jobs):
        yield kind, seed * 1_000_003 + number


_STATE: tuple[Store, dict[str, int], Path]


def _begin(store: Store, last: dict[str, int], work: Path) -> None:
    global _STATE
    _STATE = store, last, work


def _try(job: tuple[str, int]) -> Trial:
    store, last, work = _STATE
    kind, seed = job
    rng = random.Random(seed)
    copy = work / f"copy-{seed}.sqlite3"
    shutil.copyfile(store.db, copy)
    try:
        edit = _edited(copy, kind, rng, last) if kind else None
        # Every second chain made anew is held against signed heads alone.
        lists = rng.random() < 0.5 or not kind.endswith(ANEW)
        proof = _proved(store, copy, lists=lists)
    finally:
        copy.unlink()
    said = "; ".join(f"{one.where} {one.what}" for one in list(proof.faults)[:3])
    if edit is None:
        return Trial("untouched", None, not proof.sound, True, said, lists)
    return Trial(kind, edit, not proof.sound, _named(edit, proof, lists), said, lists)


def _edited(copy: Path, kind: str, rng: random.Random, last: dict[str, int]) -> Edit:
    with closing(sqlite3.connect(copy)) as raw:
        while True:
            try:
                with raw:
                    return KINDS[kind][0](Tampered(raw, rng, last))
            except sqlite3.IntegrityError:
                continue  # the file itself refused: a NULL or a second of what is unique


def _proved(store: Store, copy: Path, *, lists: bool) -> Proof:
    key = store.folder / PUBLIC
    witness = gather(store.folder, [store.copies], [key])
    if not lists:
        witness = replace(witness, hash_lists=())
    with read_only(copy) as connection:
        return verify(connection, witness)


def _named(edit: Edit, proof: Proof, lists: bool) -> bool:
    """Return whether a proof names what was tampered with, and the first bad event where there is one.

    Without the list of hashes a chain made anew is bad after the last signed head that fits.
    """
    if edit.where and not any(edit.where in one.where for one in proof.faults):
        return False
    first = proof.faults.first_event
    if lists or edit.event is None:
        return edit.event is None or first == edit.event
    return first is not None and proof.signed_to < first <= edit.event


def _last_events(db: Path) -> dict[str, int]:
    import json

    last = {}
    with closing(sqlite3.connect(db)) as raw:
        for seq, data in raw.execute("SELECT seq, data FROM events ORDER BY seq"):
            last.update({key: seq for key, _ in rows_told(json.loads(data))})
    return last


def _tell(sheet: Sheet, trials: list[Trial]) -> None:
    edits = [one for one in trials if one.edit is not None]
    found, named = Counter(), Counter()
    for one in edits:
        found[one.kind] += one.found
        named[one.kind] += one.named
    total = Counter(one.kind for one in edits)
    sheet.add(
        "edits found",
        f"{len(edits)}/{len(edits)}",
        f"{sum(found.values())}/{len(edits)}",
        passed=sum(found.values()) == len(edits),
    )
    wrong = [f"{one.kind}: {one.edit.what}: {one.said}"[:400] for one in edits if one.edit and not one.named]
    sheet.none_of("edits whose first bad event is not named", wrong)
    sheet.none_of("false findings in untouched copies", [t.said for t in trials if not t.edit and t.found])
    sheet.tell("untouched copies", str(len(trials) - len(edits)))
    sheet.table(
        ["kind of edit", "edits", "found", "first bad event named", "of these with signed heads alone"],
        [
            [kind, str(total[kind]), str(found[kind]), str(named[kind]),
             str(sum(1 for one in edits if one.kind == kind and not one.lists))]
            for kind in KINDS
        ],
    )  # fmt: skip


def _exit_codes(store: Store, work: Path) -> list[str]:
    """Run the command itself: sound, altered, unreadable."""
    wrong = []
    place = work / "command"
    shutil.copytree(store.folder, place)
    db = place / "opioscan.sqlite3"
    steps = (("sound", "", 0), ("altered", "UPDATE scans SET size = size + 1 WHERE row = 5", 1))
    for name, statement, due in (*steps, ("no database", "", 5)):
        if statement:
            with closing(sqlite3.connect(db)) as raw, raw:
                raw.execute(statement)
        if name == "no database":
            db.write_bytes(b"no database at all")
        command = [sys.executable, "-m", "service.cli.start", "audit", "verify", "--db", str(db), "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != due:
            wrong.append(f"{name}: exit {done.returncode}, {done.stderr[-200:]}")
    return wrong


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edits", type=int, default=EDITS, help="edits of all kinds")
    parser.add_argument("--untouched", type=int, default=UNTOUCHED, help="untouched copies")
    parser.add_argument("--results", type=int, default=RESULTS, help="results of the database")
    parser.add_argument("--seed", type=int, default=7, help="seed of all that is chosen")


if __name__ == "__main__":
    run(measure, _options)
