"""Measures for a terminal: numbers with what they are worth."""

from collections.abc import Mapping
from typing import Any


def rate_words(rate: Mapping[str, Any]) -> str:
    """Return a share with its exact interval, such as ``3.1 % (1.2–6.5, 6/194)``."""
    if rate["rate"] is None:
        return "–"
    low, high = 100.0 * rate["low"], 100.0 * rate["high"]
    return f"{100.0 * rate['rate']:.3g} % ({low:.3g}–{high:.3g}, {rate['k']}/{rate['n']})"


def seconds_words(seconds: float | None) -> str:
    """Return a duration, s."""
    return "–" if seconds is None else f"{seconds:.3g} s"


def group_words(row: Mapping[str, Any]) -> str:
    """Return what a row is about, with the marks that cannot be overlooked."""
    marks = [
        f"### {word} ###"
        for word, stands in (("TRAINING", row["training"]), ("EMULATED", row["emulated"]))
        if stands
    ]
    return " ".join([str(row["label"]), *marks])


def row_words(row: Mapping[str, Any]) -> list[str]:
    """Return a row of the table of measures."""
    return [
        group_words(row),
        str(row["opened"]),
        str(row["parcels"]),
        str(row["alarm_named"] + row["alarm_class"]),
        rate_words(row["inconclusive_rate"]),
        rate_words(row["non_compliance_rate"]),
        rate_words(row["miss_rate"]),
        seconds_words(row["time_to_result"]["median_s"]),
        f"{row['verifications_passed']}/{row['verifications_failed']}",
    ]


#: Heads of `row_words`.
COLUMNS = (
    *("group", "visits", "parcels", "alarmed", "inconclusive", "non-compliant", "missed"),
    *("median to result", "checks ok/failed"),
)
