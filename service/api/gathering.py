"""What several changes in one transaction write once, at its end, in place of once each.

Results come by the hundred in a second and share transactions. All of them move the end of the chain and add
to the same counts: kept here until the last of them is done, and written then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy.orm import Session

_KEY = "opioscan.gathered"


class Gathers(Protocol):
    """Something that is written at the end."""

    def finish(self, session: Session) -> None:
        """Write it."""


_G = TypeVar("_G", bound=Gathers)


@contextmanager
def gathering(session: Session) -> Iterator[None]:
    """Gather what changes leave for the end, and write it as the block ends without an error.

    The session must be thrown away after an error: what was gathered is of changes that were undone.
    """
    found: dict[type[Any], Gathers] = {}
    session.info[_KEY] = found
    yield
    del session.info[_KEY]
    for one in found.values():
        one.finish(session)


def gathered(session: Session, kind: type[_G]) -> _G | None:
    """Return what a session gathers of a kind, made where it is the first; None where nothing is gathered."""
    found: dict[type[Any], Any] | None = session.info.get(_KEY)
    if found is None:
        return None
    if kind not in found:
        found[kind] = kind()
    kept: _G = found[kind]
    return kept
