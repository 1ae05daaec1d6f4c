"""NTUPLES of JCAMP-DX 5: several variables in one block, taken apart into plain blocks of one spectrum each.

JCAMP-DX 5.01 (Pure Appl. Chem. 71 (1999) 1549): columns of ``SYMBOL``, ``VAR_TYPE``, ``VAR_DIM``, ``UNITS``,
``FIRST``, ``LAST`` and ``FACTOR`` describe the variables; each ``PAGE`` holds one ``DATA TABLE`` of two.
"""

import re

from ..errors import FormatError
from .jcamp_blocks import Block, Record, normalise
from .reading import clean

#: Records that describe the variables, one comma-separated cell for each.
_COLUMNS = (
    *("VARNAME", "SYMBOL", "VARTYPE", "VARFORM", "VARDIM", "UNITS"),
    *("FIRST", "LAST", "MIN", "MAX", "FACTOR"),
)
_OWN = frozenset({*_COLUMNS, "NTUPLES", "ENDNTUPLES", "PAGE", "DATATABLE", "NPOINTS"})
_GRID = re.compile(r"\((\w+)\+\+\((\w+)\.\.\2\)\)", re.ASCII)
_PAIRS = re.compile(r"\((\w)(\w)\.\.\1\2\)", re.ASCII)
#: Pages of one block believed.
MAX_PAGES = 1000


def pages_of(block: Block) -> list[Block]:
    """Return each page of an NTUPLES block as a plain block with XYDATA or XYPOINTS.

    Raises
    ------
    FormatError
        A description is missing or does not fit, or a table is of another kind.
    """
    for label in _OWN - {"PAGE", "DATATABLE", "NPOINTS"}:
        if len(block.records.get(label, ())) > 1:
            raise FormatError(f"line {block.records[label][1].line}: a second ##{label}= in one block")
    tables = block.records.get("DATATABLE", [])
    if not tables:
        raise FormatError("NTUPLES without a ##DATA TABLE=: no spectrum in it")
    if len(tables) > MAX_PAGES:
        raise FormatError(f"NTUPLES with more than {MAX_PAGES} pages")
    variables = _variables(block)
    seen: set[str] = set()
    found = []
    for place, table in enumerate(tables):
        before = tables[place - 1].line if place else 0
        page = _plain(block, table, variables, first=table.value not in seen)
        seen.add(table.value)
        _within_page(block, page, (before, table.line))
        found.append(page)
    return found


def _variables(block: Block) -> dict[str, dict[str, str]]:
    """Return what is said of each variable, by its symbol."""
    symbols = _cells(block, "SYMBOL")
    if not symbols or len(set(symbols)) != len(symbols):
        raise FormatError("NTUPLES without ##SYMBOL= of its variables, each once")
    found: dict[str, dict[str, str]] = {symbol: {} for symbol in symbols}
    for label in _COLUMNS:
        cells = _cells(block, label)
        if len(cells) > len(symbols):
            raise FormatError(f"##{label}= has {len(cells)} cells for {len(symbols)} variables")
        for symbol, cell in zip(symbols, cells, strict=False):
            found[symbol][label] = cell
    return found


def _cells(block: Block, label: str) -> list[str]:
    held = block.text(label)
    return [cell.strip() for cell in held.split(",")] if held else []


def _plain(block: Block, table: Record, variables: dict[str, dict[str, str]], *, first: bool) -> Block:
    """Return a plain block of one table; FIRST speaks of the first page of a variable only."""
    form, _, kind = table.value.rpartition(",")
    form, kind = re.sub(r"\s", "", form or kind), normalise(kind.strip() if form else "")
    match, label = _GRID.fullmatch(form), "XYDATA"
    if match is None:
        match, label = _PAIRS.fullmatch(form), "XYPOINTS"
    if match is None or kind not in {"", "XYDATA", "XYPOINTS", "PROFILE"}:
        raise FormatError(f"line {table.line}: a data table {clean(table.value, 30)!r} is no plain spectrum")
    x, y = (variables.get(match[place], {}) for place in (1, 2))
    if x.get("VARTYPE", "").upper() != "INDEPENDENT" or y.get("VARTYPE", "").upper() != "DEPENDENT":
        raise FormatError(f"line {table.line}: {form} is no dependent over an independent variable")
    made = {
        "XUNITS": x.get("UNITS", ""), "YUNITS": y.get("UNITS", ""), "FIRSTX": x.get("FIRST", ""),
        "LASTX": x.get("LAST", ""), "XFACTOR": x.get("FACTOR", ""), "YFACTOR": y.get("FACTOR", ""),
        "NPOINTS": x.get("VARDIM", ""), "FIRSTY": y.get("FIRST", "") if first else "",
    }  # fmt: skip
    kept = {name: held for name, held in block.records.items() if name not in _OWN}
    page = Block(block.line, dict(kept))
    for name, value in made.items():
        if value:
            page.records[name] = [Record(value, table.line)]
    shown = "(X++(Y..Y))" if label == "XYDATA" else "(XY..XY)"
    page.records[label] = [Record(shown, table.line, table.more)]
    return page


def _within_page(block: Block, page: Block, lines: tuple[int, int]) -> None:
    """Let what stands between two tables speak for its page: its number, and points of its own."""
    after, before = lines
    for record in block.records.get("NPOINTS", ()):
        if after < record.line < before:
            page.records["NPOINTS"] = [record]
    for record in block.records.get("PAGE", ()):
        if after < record.line < before:
            title = f"{page.title} ({clean(record.value, 40)})"
            page.records["TITLE"] = [Record(title, record.line)]
