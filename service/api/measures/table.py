"""Measures as one flat table, for spreadsheets."""

import csv
import io
from typing import Any

from .models import MeasureRow, Measures

#: Signs with which a spreadsheet begins a formula (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(measures: Measures) -> str:
    """Return the rows, or the totals where there are none, as CSV with a head."""
    rows = [flat_of(one) for one in measures.rows or measures.totals]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name, 0)) for name in names])
    return out.getvalue()


def flat_of(row: MeasureRow) -> dict[str, Any]:
    """Return a row with one name for each number, such as ``miss_rate.low``."""
    flat: dict[str, Any] = {}
    _flatten(flat, "", row.model_dump(mode="json"))
    return flat


def _flatten(flat: dict[str, Any], before: str, value: Any) -> None:
    if not isinstance(value, dict):
        flat[before] = value
        return
    for name, part in value.items():
        _flatten(flat, f"{before}.{name}" if before else name, part)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
