"""Fact tables shipped in ``library/data``: CSV files that keep the source of every row."""

import csv
import io
from collections.abc import Sequence
from importlib import resources

from .errors import TableError


def read_table(name: str, columns: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Read a shipped table.

    Parameters
    ----------
    name
        File name in ``library/data``.
    columns
        Columns it must have, in order.

    Returns
    -------
    tuple of dict
        One dictionary of texts for each row, in the file's order.

    Raises
    ------
    TableError
        The file is missing, or a row does not have exactly those columns.
    """
    try:
        text = resources.files("library").joinpath("data", name).read_text(encoding="utf-8")
    except OSError as error:
        raise TableError(f"the table {name} is missing from this installation: install it again") from error
    rows = csv.reader(io.StringIO(text), strict=True)
    if next(rows, None) != list(columns):
        raise TableError(f"{name}: the columns should be {', '.join(columns)}: install it again")
    table = []
    for row in rows:
        if len(row) != len(columns):
            raise TableError(f"{name}, line {rows.line_num}: {len(row)} cells for {len(columns)} columns")
        table.append(dict(zip(columns, row, strict=True)))
    return tuple(table)
