"""One visit of an item to the bench: its spots and attempts, and what they say together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectra.finding import Finding, combine

from .answers import named_substances
from .attempts import Attempt
from .operations import result_id
from .refusals import NothingOpen

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]


def describe_visit(bench: "Bench", screening_id: str, item: str) -> Answer:
    """Return a screening as JSON values: every attempt, and the combined finding (None before the first)."""
    tries = bench.attempts.of(screening_id)
    finding = combined(tries)
    return {
        "item": item,
        "screening_id": screening_id,
        "screening": "open" if bench.outbox.screening_of(item) == screening_id else "complete",
        "attempts": [_view(one) for one in tries],
        "finding": None if finding is None else finding.to_json(),
    }


def visit_of(bench: "Bench", item: str) -> Answer:
    """Return the open screening of an item, or its last one; raises `NothingOpen` for an item never tried."""
    screening = bench.outbox.screening_of(item) or bench.attempts.screening_of(item)
    if screening is None:
        raise NothingOpen(f"{item} was never scanned at this bench")
    return describe_visit(bench, screening, item)


def combined(tries: Sequence[Attempt]) -> Finding | None:
    """Return what the attempts of a screening say together; None where none was identified."""
    found = [
        {**one.found, "spot": one.spot, "attempt": one.attempt, "scan_id": one.scan_id}
        for one in tries
        if one.found is not None
    ]
    return combine(found) if found else None


def next_spot(tries: Sequence[Answer]) -> int:
    """Return the number of a spot nobody tried yet."""
    return max((one["spot"] for one in tries), default=0) + 1


def _view(one: Attempt) -> Answer:
    seen = one.found or {}
    return {
        "spot": one.spot,
        "attempt": one.attempt,
        "device": one.device,
        "begun_at": one.begun_at,
        "state": one.state,
        "words": one.words,
        "scan_id": one.scan_id,
        "result_id": result_id(one.scan_id) if one.found is not None else "",
        "technique": seen.get("technique", ""),
        "verdict": seen.get("verdict", ""),
        "reasons": list(seen.get("reasons", ())),
        "operator": one.operator,
        "named": named_substances(dict(seen)) if seen else "",
    }
