"""Asking which results depend on a thing: the server, or the bench for its own results.

Both answer the same questions in the same form; what a name stands for is told by what the results name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from .asking import Server
from .bench.client import BenchClient
from .errors import ServerUnreachable, UsageError

#: Whose tokens may ask the server.
ROLES = "technician, auditor or admin"

#: Results asked for at a time; the server gives no more.
PAGE = 200

#: Questions until a bench has taken up everything older, each of a few seconds.
_MOST_ROUNDS = 1000

Answer = dict[str, Any]


class Index(Protocol):
    """What knows which results depend on what."""

    source: str
    """Who answers, for people."""

    def candidates(self, query: Mapping[str, str]) -> Answer:
        """Return what a name can stand for."""
        ...

    def page(self, query: Mapping[str, str]) -> Answer:
        """Return a page of results."""
        ...


class ServerIndex:
    """The index of the server: results of all benches."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.source = server.address

    def candidates(self, query: Mapping[str, str]) -> Answer:
        """Return what a name can stand for."""
        return self._server.get("/api/v1/impact/candidates", query)

    def page(self, query: Mapping[str, str]) -> Answer:
        """Return a page of results."""
        return self._server.get("/api/v1/impact", query)


class BenchIndex:
    """The index of this bench: its own results."""

    source = "this bench"

    def __init__(self, client: BenchClient) -> None:
        self._client = client

    def candidates(self, query: Mapping[str, str]) -> Answer:
        """Return what a name can stand for, once every older result is taken up."""
        for _ in range(_MOST_ROUNDS):
            answer = self._client.impact_candidates(**query)
            if not answer.get("left"):
                break
        return answer

    def page(self, query: Mapping[str, str]) -> Answer:
        """Return a page of results."""
        return self._client.impact(**query)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    kind: str
    """Kind of the thing."""
    value: str
    """Its whole name."""
    since: str = ""
    """Only scans made then or later, RFC 3339 in UTC; empty for all."""
    until: str = ""
    """Only scans made before then."""


def candidates(index: Index, value: str, kind: str = "") -> list[tuple[str, str]]:
    """Return what a name can stand for: kind and whole name of each.

    Raises
    ------
    ServerUnreachable
        What answers is no index.
    """
    answer = index.candidates({"value": value, **({"kind": kind} if kind else {})})
    try:
        return [(str(one["kind"]), str(one["value"])) for one in answer["items"]]
    except (KeyError, TypeError) as error:
        raise _unreadable(index) from error


def results(index: Index, question: Question, told: Callable[[int, int], None]) -> Iterator[Answer]:
    """Yield the pages of an answer, as the API gives them.

    Parameters
    ----------
    index
        Who is asked.
    question
        What is asked.
    told
        Takes how many results there are in all, and how many more have come.

    Raises
    ------
    ServerUnreachable
        What answers is no index, or its list does not end.
    """
    asked = {name: getattr(question, name) for name in ("kind", "value", "since", "until")}
    query = {name: value for name, value in asked.items() if value} | {"limit": str(PAGE)}
    seen = 0
    while True:
        page = index.page(query)
        try:
            total, more, cursor = int(page["total"]), len(page["items"]), page["next_cursor"]
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(index) from error
        told(total, more)
        yield page
        seen += more
        if not cursor:
            return
        # Every page but the last is full; what comes in meanwhile makes the list a little longer.
        if more < PAGE or seen > total + 10 * PAGE:
            raise ServerUnreachable(f"{index.source} answers with a list that has no end")
        query["cursor"] = str(cursor)


def moment(text: str, option: str) -> str:
    """Return a time an option gives, day or moment, as RFC 3339 in UTC; without a zone it is UTC.

    Raises
    ------
    UsageError
        It is none.
    """
    if not text:
        return ""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option}: {text!r} is no time; write 2026-11-22 or 2026-11-22T08:00:00Z"
        ) from error
    given = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    return given.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _unreadable(index: Index) -> ServerUnreachable:
    return ServerUnreachable(f"{index.source} answers in a way this version cannot read")
