"""The device's own answer: the name it gave and how sure it was, where its files say so in plain fields.

Proven on files of a device is ENLIGHTEN's ``Declared Match`` and ``Declared Score``. All other fields are
**unproven**: closed handhelds publish no format, and the names below are those such reports commonly use.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from spectra.errors import FormatError
from spectra.formats.reading import clean, text_of

#: Files beside a spectrum that may be reports of it; others of the same name are spectra or strangers.
REPORTS = frozenset({".txt", ".xml", ".json", ".pdf", ".htm", ".html", ".log"})
#: Of a report so many bytes are looked at: the answer stands near the start.
MAX_LOOK = 256 << 10
MAX_NAME = 200
_PROVEN = {("ENLIGHTEN CSV", "declaredmatch")}
#: Formats that hold no answer: what OPUS calls a result is a kind of spectrum.
_WITHOUT = frozenset({"Bruker OPUS"})

#: Fields, reduced to letters and digits, that name what was found, the surest first.
NAMES = (
    "declaredmatch", "identifiedas", "identification", "bestmatch", "topmatch", "librarymatch", "match",
    "matchname", "result", "substance", "compound", "material",
)  # fmt: skip
#: Fields that say how well it matched.
FIGURES = (
    "declaredscore", "matchscore", "matchfigure", "matchquality", "hqi", "score", "confidence",
    "correlation", "similarity", "probability",
)  # fmt: skip
#: Words by which a device says that it found nothing.
NOTHING = frozenset(
    {"", "-", "--", "none", "unknown", "nomatch", "nomatchfound", "notidentified", "noidentification", "na"}
)
_LINE = re.compile(r"[ \t]*([A-Za-z][\w .#/$-]{0,47}?)[ \t]*[:=,;\t][ \t]*(\S.{0,400})", re.ASCII)
_LEAF = re.compile(r"<([A-Za-z][\w.-]{0,47}(?::[\w.-]{1,47})?)(?:\s[^<>]{0,400})?>([^<>]{1,400})</\1\s*>")
_FIGURE = re.compile(r"[+-]?[0-9]{1,9}(?:[.,][0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What a device says it measured."""

    name: str
    """The substance it named; empty where it named none."""
    figure: float | None
    """Its match figure as written, whatever its scale; None where it gave none."""
    text: str
    """Both in the device's words."""
    source: str
    """Where it stands: ``header``, or the name of a report."""
    proven: bool
    """False where the meaning of the field was never confirmed on files of that device."""

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def answer_in(fields: Iterable[tuple[str, str]], *, source: str, form: str = "") -> DeviceAnswer | None:
    """Return the answer in named fields; None where no field holds one.

    Parameters
    ----------
    fields
        Names and values, as a file has them; the first of a name counts.
    source
        Where they stand, for the record.
    form
        Format of the file, as its reader calls it.
    """
    plain = folded(fields, MAX_NAME)
    key = next((name for name in NAMES if name in plain), None)
    if key is None or form in _WITHOUT:
        return None
    figure = next((plain[name] for name in FIGURES if plain.get(name)), "")
    number = _FIGURE.match(figure)
    named = "" if fold(plain[key]) in NOTHING else plain[key]
    return DeviceAnswer(
        name=named,
        figure=float(number[0].replace(",", ".")) if number else None,
        text=", ".join(part for part in (plain[key], figure) if part),
        source=source,
        proven=(form, key) in _PROVEN,
    )


def is_report(name: str) -> bool:
    """Whether a file that is no spectrum may be a report of one, by its name."""
    return PurePath(name).suffix.lower() in REPORTS


def answer_in_report(name: str, data: bytes) -> DeviceAnswer | None:
    """Return the answer in a report (text, XML or JSON); None where there is none, or it is no text."""
    try:
        text = text_of(data[:MAX_LOOK])
    except FormatError:
        return None
    return answer_in(_fields(text), source=clean(PurePath(name).name, MAX_NAME))


def fold(key: str) -> str:
    """Return a field's name as comparisons need it: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def folded(fields: Iterable[tuple[str, str]], limit: int) -> dict[str, str]:
    """Return fields by folded name, on one line each; the first of a name counts."""
    plain: dict[str, str] = {}
    for key, value in fields:
        plain.setdefault(fold(key), clean(value, limit))
    return plain


def _fields(text: str) -> list[tuple[str, str]]:
    """Return the fields of a report, in the order in which they stand there."""
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        try:
            return list(_leaves(json.loads(text), 4))
        except (ValueError, RecursionError):
            return []
    if start == "<":
        # Leaves alone, by pattern: an XML parser would also follow what entities and doctypes promise.
        return [(tag.rpartition(":")[2], html.unescape(value)) for tag, value in _LEAF.findall(text)]
    return [(match[1], match[2]) for match in map(_LINE.match, text.split("\n")) if match]


def _leaves(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the named texts and numbers of a JSON value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, str | int | float) and not isinstance(one, bool):
                yield str(key), str(one)
    if depth > 0:
        for one in inner:
            yield from _leaves(one, depth - 1)
