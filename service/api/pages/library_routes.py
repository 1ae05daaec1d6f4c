"""Routes of the pages of libraries."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from library.errors import LibraryError
from spectra.references import Grade
from spectra.values import Technique

from ...words import TECHNIQUES
from ..problems import Problem
from ..requests import Store, ThePerson, TheStore
from .libraries import SHOWN, EntryQuery, entry_page, method_lines, spectrum_chart, strongest_bands
from .render import render
from .shelves import Shelf, shelf_of

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
ReferenceId = Annotated[str, Query(alias="id", max_length=512)]

_GRADES = [one.value for one in Grade]
_TECHNIQUES = [(one.value, TECHNIQUES.get(one.value, one.value)) for one in Technique]


@router.get("/libraries")
def libraries_page(person: ThePerson, store: TheStore) -> Response:
    """Show the methods the server knows of, and the libraries behind them."""
    with store.database.read() as session:
        lines = method_lines(store, session)
    return render("libraries.html", lines=lines, role=person.role.value)


@router.get("/libraries/{digest}")
def library_page(request: Request, person: ThePerson, store: TheStore, digest: Digest) -> Response:
    """Show the entries of a library, a page at a time, found by name, class, grade and technique."""
    try:
        query = EntryQuery.model_validate({name: one for name, one in request.query_params.items() if one})
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem("invalid", f"{first['loc'][0]}: {first['msg']}"[:300]) from error
    with store.database.read() as session:
        shelf = _shelf(store, session, digest)
    heads, more = _read(entry_page, shelf, query)
    chosen = {name: one for name, one in query.model_dump(mode="json").items() if one}
    older = f"/libraries/{digest}?{urlencode({**chosen, 'start': query.start + SHOWN})}" if more else ""
    return render(
        "library.html",
        digest=digest,
        heads=heads,
        query=query,
        older=older,
        encoded=urlencode,
        role=person.role.value,
        grades=_GRADES,
        techniques=_TECHNIQUES,
    )


@router.get("/libraries/{digest}/entry")
def reference_page(person: ThePerson, store: TheStore, digest: Digest, reference_id: ReferenceId) -> Response:
    """Show a reference with its spectrum, where it comes from and who vouches for it."""
    with store.database.read() as session:
        shelf = _shelf(store, session, digest)
    entry = _read(shelf.entry, reference_id)
    if entry is None:
        raise Problem("not_found", "the library has no entry of this identifier")
    return render(
        "entry.html",
        charts=True,
        digest=digest,
        entry=entry,
        chart=spectrum_chart(entry),
        bands=strongest_bands(entry),
        technique=TECHNIQUES.get(entry.technique.value, entry.technique.value),
        role=person.role.value,
    )


def _shelf(store: Store, session: Session, digest: str) -> Shelf:
    found = _read(shelf_of, store, session, digest)
    if found is None:
        raise Problem("not_found", "this library is not here: benches bring it with their methods")
    shelf: Shelf = found
    return shelf


def _read(what: Any, *arguments: Any) -> Any:
    try:
        return what(*arguments)
    except LibraryError as error:
        raise Problem("archive_error", "this library cannot be read here") from error
