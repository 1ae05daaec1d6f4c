"""Texts that no database of ours keeps are refused before anything is made of them.

PostgreSQL keeps no NUL in a text (https://www.postgresql.org/docs/current/datatype-character.html), SQLite
does; a lone surrogate has no UTF-8 form at all (RFC 3629, section 3), though JSON can name one (RFC 8259,
section 8.2). Both are answered alike on both databases, for paths, queries, forms and JSON.
"""

import re
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import TextUnfit
from ..limits import METHODS_PATH, SCANS_PATH
from ..problems import Problem, problem_response

#: Bodies that are no text: files, checked by whoever reads them.
_FILES = (METHODS_PATH, SCANS_PATH)

#: Names that are looked up among a few, and never kept.
_STATIC = "/static/"

_NUL = "a text holds a NUL character (U+0000), which cannot be kept"
_SURROGATE = "a text holds half of a surrogate pair, which is no character"
_NO_UTF8 = "a text is not UTF-8"

#: An escape of JSON; the pair of a surrogate is one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|.)", re.DOTALL
)


class TextGuard:
    """ASGI middleware that refuses requests with texts that cannot be kept.

    Parameters
    ----------
    app
        The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body looked at when it is whole."""
        if scope["type"] != "http" or scope["path"].startswith(_STATIC):
            await self._app(scope, receive, send)
            return
        wrong = wrong_quoted(scope.get("raw_path") or b"") or wrong_quoted(scope.get("query_string") or b"")
        if wrong:
            await problem_response("invalid", wrong)(scope, receive, send)
            return
        if not scope["path"].startswith(_FILES):
            receive = _looked_at(receive, form=_is_form(scope))
        await self._app(scope, receive, send)


def require_fit(*texts: str) -> None:
    """Raise `TextUnfit` for texts of files that cannot be kept."""
    for text in texts:
        if "\0" in text:
            raise TextUnfit(_NUL)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise TextUnfit(_SURROGATE) from error


def wrong_quoted(data: bytes) -> str:
    """Return what is wrong with a part of an address or a form; empty for nothing."""
    if b"%" not in data and b"\0" not in data and data.isascii():
        return ""
    plain = unquote_to_bytes(data)
    if b"\0" in plain:
        return _NUL
    try:
        plain.decode()
    except UnicodeDecodeError:
        return _NO_UTF8
    return ""


def wrong_json(data: bytes) -> str:
    """Return what is wrong with the texts in JSON; empty for nothing."""
    # A NUL is no JSON in UTF-8, and what has them is UTF-16, which RFC 8259 (section 8.1) does not allow.
    if b"\0" in data:
        return _NUL
    if b"\xed" in data and re.search(rb"\xed[\xa0-\xbf]", data):
        return _SURROGATE
    if b"\\u" not in data:
        return ""
    for found in _ESCAPE.finditer(data):
        code = found[1]
        if code == b"0000":
            return _NUL
        if code is not None and code[:1] in b"dD" and code[1:2] in b"89abcdefABCDEF":
            return _SURROGATE
    return ""


def _looked_at(receive: Receive, *, form: bool) -> Receive:
    parts: list[bytes] = []

    async def looked_at() -> Message:
        message = await receive()
        if message["type"] != "http.request":
            return message
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            wrong = wrong_quoted(data) if form else wrong_json(data)
            if wrong:
                raise Problem("invalid", wrong)
        return message

    return looked_at


def _is_form(scope: Scope) -> bool:
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    return any(kind.lower().startswith(b"application/x-www-form-urlencoded") for kind in kinds)
