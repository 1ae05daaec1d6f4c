"""The pages OPUS answers with over HTTP: status number, text and error, in cells of a table.

Facts: FINESSE of Imperial College London (``frog/hardware/plugins/spectrometer/opus_interface.py``), which
drives an EM27 with them. Pure and strict; the pages come from a network.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from html.parser import HTMLParser
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO

from ..errors import ProtocolError

#: Longest answer believed, bytes; real pages have less than one thousand.
MAX_PAGE = 1 << 14
_CELLS = frozenset({"STATUS", "TEXT", "ERRCODE", "ERRTEXT"})
_NUMBER = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class OpusState(IntEnum):
    """The state of the spectrometer behind OPUS."""

    IDLE = 0
    CONNECTING = 1
    CONNECTED = 2
    MEASURING = 3
    FINISHING = 4
    CANCELLING = 5
    UNDEFINED = 6

    @property
    def words(self) -> str:
        """The state as a person reads it."""
        return "not connected" if self is OpusState.IDLE else self.name.lower()

    @property
    def busy(self) -> bool:
        """Whether a measurement is going on, or coming to an end."""
        return self in {OpusState.MEASURING, OpusState.FINISHING, OpusState.CANCELLING}


@dataclass(frozen=True, slots=True)
class OpusPage:
    """What a page says."""

    state: OpusState
    """State of the spectrometer."""
    text: str
    """The state in OPUS's own words."""
    error: int | None = None
    """Number of an error; None without one."""
    error_text: str = ""
    """The error in OPUS's own words."""


class _Reply(BytesIO):
    """Bytes as the socket that `HTTPResponse` wants to read from."""

    def makefile(self, *_: object) -> BytesIO:
        return self


class _Cells(HTMLParser):
    """Collect the text of the cells with an id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = ""
        name = dict(attrs).get("id") or ""
        if tag == "td" and name in _CELLS:
            if name in self.found:
                raise ProtocolError(f"OPUS says {name} twice on one page")
            self.found[name], self._open = "", name

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[self._open] += data


def body_of(reply: bytes, *, closed: bool) -> bytes | None:
    """Return the body of an HTTP reply; None while there may be more of it.

    Parameters
    ----------
    reply
        What came so far.
    closed
        Whether the other end hung up, so that nothing more can come.

    Raises
    ------
    ProtocolError
        Not HTTP, not 200 (redirects are not followed), too long, or cut off.
    """
    if len(reply) > MAX_PAGE:
        raise ProtocolError(f"OPUS answers with more than {MAX_PAGE} bytes; is it OPUS?")
    if not reply.startswith(b"HTTP/"[: len(reply)]):
        raise ProtocolError("the answer is not HTTP; is it OPUS?")
    if b"\n\r\n" not in reply and b"\n\n" not in reply:
        if closed:
            raise ProtocolError("the answer ends within its header")
        return None
    response = HTTPResponse(_Reply(reply))  # type: ignore[arg-type]
    try:
        response.begin()
        if response.status != 200:
            raise ProtocolError(f"OPUS answers with HTTP {response.status} {response.reason[:40]!r}")
        if response.length is None and not response.chunked and not closed:
            return None
        return response.read()
    except ProtocolError:
        raise
    except OverflowError as error:
        raise ProtocolError("a part of the answer says an absurd length") from error
    except IncompleteRead as error:
        if closed:
            raise ProtocolError("the answer is cut off") from error
        return None
    except (HTTPException, ValueError) as error:
        raise ProtocolError(f"the answer is not HTTP ({type(error).__name__}); is it OPUS?") from error
    finally:
        response.close()


def parse_page(body: bytes) -> OpusPage:
    """Read a page.

    Raises
    ------
    ProtocolError
        It is cut off, lacks a cell, has one twice, or a number that is none.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    if not text.rstrip().lower().endswith("</html>"):
        raise ProtocolError("a page of OPUS without an end")
    cells = _Cells()
    cells.feed(text)
    cells.close()
    found = {name: " ".join(value.split())[:200] for name, value in cells.found.items()}
    if "STATUS" not in found or "TEXT" not in found:
        raise ProtocolError("a page without STATUS and TEXT; is it OPUS?")
    number = _integer(found, "STATUS")
    if number not in set(OpusState):
        raise ProtocolError(f"OPUS says status {number}, known are 0 to {max(OpusState):d}")
    error = _integer(found, "ERRCODE") if "ERRCODE" in found else None
    return OpusPage(OpusState(number), found["TEXT"], error, found.get("ERRTEXT", ""))


def _integer(found: dict[str, str], name: str) -> int:
    if not _NUMBER.fullmatch(found[name]):
        raise ProtocolError(f"OPUS says {name} {found[name][:20]!r}, which is no number")
    return int(found[name])
