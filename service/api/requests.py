"""What every route needs of a request: the store, and who asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer

from ..archive.journal import Archive
from ..evidence.looker import Looker
from .database import Database, only_server
from .guards.rates import Rates
from .heads_keeper import HeadKeeper
from .heads_key import server_folder
from .permissions import Role, allowed
from .problems import Problem, SignInFirst
from .sessions import COOKIE, Sessions
from .settings import ServerSettings
from .tables import Token
from .tokens.repository import KnownToken, find_secret, find_valid
from .tokens.scopes import covers, needed


@dataclass(frozen=True, slots=True)
class Store:
    """Everything a running server keeps."""

    database: Database
    """Records."""
    archive: Archive
    """Raw data."""
    sessions: Sessions
    """People at the pages."""
    settings: ServerSettings
    """Where all that is, and the limits."""
    rates: Rates
    """How much each caller may ask."""
    heads: HeadKeeper
    """Signed heads of the chain, outside the database."""
    looker: Looker = field(default_factory=Looker)
    """What rebuilds methods and looks at scans again, in a process of its own."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    token_id: str
    """Token, as events name it."""
    role: Role
    """What it may do."""

    @property
    def actor(self) -> str:
        """Name in the chain."""
        return f"token:{self.token_id}"


@contextmanager
def open_store(settings: ServerSettings) -> Iterator[Store]:
    """Open records and archive; of a SQLite file for the one server process that may have them.

    Raises
    ------
    ServerAlreadyRunning
        Another process has them.
    StoreTooNew
        A later version of this software made them.
    """
    place = settings.place
    with (
        only_server(place),
        Database(place, busy_s=settings.busy_s, key_days=settings.key_days) as database,
        HeadKeeper(database, server_folder(settings)) as heads,
        Looker() as looker,
    ):
        archive, rates = Archive(settings.scans_path), Rates(settings.rate_per_s)
        yield Store(database, archive, Sessions(database), settings, rates, heads, looker)


async def the_store(request: Request) -> Store:
    """Return the running server's store."""
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


async def the_caller(request: Request, store: Annotated[Store, Depends(the_store)]) -> Caller:
    """Return who asks by bearer token, allowed to do this.

    Raises
    ------
    Problem
        401 for no valid token, 403 for a role that may not.
    """
    # Who came by the short way of results was let in, and counted, before its body was read.
    if isinstance(known := getattr(request.state, "caller", None), Caller):
        return known
    # One look into a file takes less than handing it to a thread; a server may let us wait.
    if store.database.is_file:
        return _by_bearer(request, store)
    return await run_in_threadpool(_by_bearer, request, store)


def _by_bearer(request: Request, store: Store) -> Caller:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthenticated("send the header: Authorization: Bearer ops_…")
    with store.database.look() as connection:
        token = find_secret(connection, secret.strip())
    return authorised(request, token)


def the_person(request: Request, store: Annotated[Store, Depends(the_store)]) -> Caller:
    """Return who looks at a page, by cookie or bearer token.

    Raises
    ------
    SignInFirst
        Nobody is known; the answer leads to the form.
    Problem
        401 for a bearer token that is not valid, 403 for a role that may not.
    """
    if (person := _person_of(request, store)) is None:
        raise SignInFirst
    return person


def the_fetcher(request: Request, store: Annotated[Store, Depends(the_store)]) -> Caller:
    """Return the same for what a page's script or a link on it fetches.

    Raises
    ------
    Problem
        401 for nobody known: a form would be taken for the data.
    """
    if (person := _person_of(request, store)) is None:
        raise Problem("unauthenticated", "sign in again")
    return person


def _person_of(request: Request, store: Store) -> Caller | None:
    if "authorization" in request.headers:
        return _by_bearer(request, store)
    token_id = store.sessions.token_id(request.cookies.get(COOKIE, ""))
    if token_id is None:
        return None
    with store.database.read() as session:
        token = find_valid(session, token_id)
        return None if token is None else authorised(request, token)


def authorised(request: Request, token: Token | KnownToken | None) -> Caller:
    """Return the caller of a token when its role may do what the request asks for."""
    store = request.app.state.store
    assert isinstance(store, Store)
    rates = store.rates
    if token is None:
        rates.count_wrong(request.client.host if request.client else "")
        raise _unauthenticated("the token is unknown, expired or revoked")
    role, operation = Role(token.role), request.scope["endpoint"].__name__
    request.state.token_id = token.token_id
    rates.count(token.token_id, role)
    if not allowed(operation, role):
        raise Problem("forbidden", f"a token of the role {role} may not {operation.replace('_', ' ')}")
    if not covers(token.scopes, request):
        raise Problem("forbidden", f"the token lacks the scope {needed(request) or 'for pages'}")
    return Caller(token.token_id, role)


def _unauthenticated(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


#: Says in the OpenAPI document that a bearer token is needed; `the_caller` checks it.
BEARER = HTTPBearer(auto_error=False, description="A token of `opioscan token create --role …`.")

TheStore = Annotated[Store, Depends(the_store)]
TheCaller = Annotated[Caller, Depends(the_caller)]
ThePerson = Annotated[Caller, Depends(the_person)]
TheFetcher = Annotated[Caller, Depends(the_fetcher)]
IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Makes a repeat harmless: the first answer is kept and given again for 7 days "
        "(a setting of the server); after that the key is new.",
    ),
]
