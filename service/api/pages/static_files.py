"""Style sheets, scripts and plotly.js: the same bytes under the same address for a year."""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from spectra.digest import bytes_digest

from ..problems import Problem

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "static"
PLOTLY = "plotly.min.js"

#: Media type by suffix; nothing else is served.
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

#: How long a browser keeps what it asked for with its digest, s: a year, the longest that RFC 9111 speaks of.
_LIFETIME_S = 31_536_000

#: 6 is zlib's own middle; 9 takes three times as long for two per cent less of plotly.js (measured).
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages load."""

    path: Path
    """Where it lies."""
    media_type: str
    """What it is."""
    digest: str
    """SHA-256 of its bytes."""


def static(name: str) -> str:
    """Return the address of a file of the folder ``static``, or of plotly.js; it changes with the bytes."""
    return f"/static/{name}?v={_find(name).digest[:16]}"


@router.get("/static/{name}")
def static_file(request: Request, name: str, v: str = "") -> Response:
    """Give a style sheet or a script: compressed where the client takes it."""
    if name not in _names():
        raise Problem("not_found", "no such file")
    file = _find(name)
    tag = f'"{file.digest[:32]}"'
    lasting = v == file.digest[:16]
    headers = {
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": f"public, max-age={_LIFETIME_S}, immutable" if lasting else "no-cache",
    }
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(_compressed(file), headers=headers, media_type=file.media_type)
    return FileResponse(file.path, headers=headers, media_type=file.media_type)


@lru_cache(1)
def _names() -> frozenset[str]:
    return frozenset({PLOTLY, *(file.name for file in _FOLDER.iterdir() if file.suffix in _KINDS)})


@lru_cache(64)
def _find(name: str) -> StaticFile:
    path = _plotly() if name == PLOTLY else _FOLDER / name
    return StaticFile(path, _KINDS[path.suffix], bytes_digest(path.read_bytes()))


def _plotly() -> Path:
    """Return where the installed package keeps plotly.js; importing it would take a second and 40 MB."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise Problem("not_found", "the Python package plotly is not installed: charts cannot be drawn")
    return Path(spec.submodule_search_locations[0]) / "package_data" / PLOTLY


@lru_cache(64)
def _compressed(file: StaticFile) -> bytes:
    """Return a file compressed, kept in memory: 1.4 MB for plotly.js, little for the others."""
    return gzip.compress(file.path.read_bytes(), _LEVEL, mtime=0)


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
