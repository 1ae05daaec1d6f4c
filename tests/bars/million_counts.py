"""The counts of measures for a simulated year of screening, put in as direct sums."""

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from million_fill import A_DAY, BENCHES, EACH, day_of

from service.api.measures.durations import bin_of
from service.api.measures.grains import Slot, slots_of
from service.api.measures.rollup import ACTIVE

_VISITS = A_DAY // BENCHES
_HOURS = range(8, 16)
_REASONS = ("weak_signal", "fluorescence", "container_only", "unknown_spectrum")

Key = tuple[Slot, str]


def count(path: Path, results: int) -> int:
    """Make the counts anew for so many results, and return how many rows they are."""
    chance = random.Random(7)
    sums: dict[Key, Counter[str]] = {}
    others: dict[Key, list[Key]] = {}
    for number in range(-(-results // EACH // A_DAY)):
        day = day_of(number)
        for bench in range(BENCHES):
            site, found = f"site-{bench % 5}", _day(chance)
            keys = [(slot, site) for slot in slots_of(day, f"bench-{bench}")]
            for key in keys:
                sums.setdefault(key, Counter()).update(found)
            others[keys[0]] = keys[1:]
    rows = {key: row for row, key in enumerate(sums, 1)}
    counts = [(rows[key], metric, n) for key, found in sums.items() for metric, n in sorted(found.items())]
    hours = [(rows[key], hour, _VISITS // len(_HOURS)) for key in others for hour in _HOURS]
    keys_made = [
        (
            row,
            slot.grain,
            slot.period,
            site,
            slot.bench,
            json.dumps([rows[one] for one in others.get(key, ())]),
        )
        for key, row in rows.items()
        for slot, site in (key,)
    ]
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA synchronous=OFF")
        for table in ("measure_counts", "measure_hours", "measure_keys"):
            raw.execute(f"DELETE FROM {table}")
        raw.executemany("INSERT INTO measure_keys VALUES (?, ?, ?, ?, '', ?, 0, 0, ?)", keys_made)
        raw.executemany("INSERT INTO measure_counts VALUES (?, ?, ?)", counts)
        raw.executemany("INSERT INTO measure_hours VALUES (?, ?, ?)", hours)
    return len(counts)


def _day(chance: random.Random) -> Counter[str]:
    counts: Counter[str] = Counter(opened=_VISITS, completed=_VISITS, parcels=_VISITS, results=EACH * _VISITS)
    counts["verification.passed"], counts[ACTIVE] = 2, len(_HOURS)
    counts["disposition.released"] = _VISITS
    for _ in range(_VISITS):
        first, last = chance.lognormvariate(3.0, 0.5), chance.lognormvariate(4.0, 0.5)
        counts[f"first_s.{bin_of(first)}"] += 1
        counts[f"complete_s.{bin_of(last)}"] += 1
        verdict = chance.choices(("no_alarm", "inconclusive", "alarm_named", "alarm_class"), (80, 16, 3, 1))[
            0
        ]
        counts[f"verdict.{verdict}"] += 1
        if verdict == "inconclusive":
            counts[f"reason.{chance.choice(_REASONS)}"] += 1
        elif verdict != "no_alarm":
            counts["review.alarm"] += 1
        counts["compliant" if chance.random() > 0.02 else "non_compliant"] += 1
    return +counts
