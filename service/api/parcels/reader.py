"""Who reads a parcel: what may be shown to whom."""

from dataclasses import dataclass

from ..permissions import Role
from ..requests import Caller, Store

#: Who may see who sent a parcel; of parcel systems the one that told it.
PEOPLE = frozenset({Role.OFFICER, Role.TECHNICIAN, Role.AUDITOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what the server is set to."""

    role: Role | None = None
    """Role of the token; None sees nothing personal."""
    token_id: str = ""
    """The token."""
    silent_s: float = 900.0
    """After how long without a report a bench is out of reach, s."""

    def may_see(self, token_id: str) -> bool:
        """Whether something personal that a token sent may be shown."""
        return self.role in PEOPLE or bool(self.token_id and self.token_id == token_id)


def reader_of(store: Store, caller: Caller) -> Reader:
    """Return the reader behind a request."""
    return Reader(caller.role, caller.token_id, store.settings.silent_s)
