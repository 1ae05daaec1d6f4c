"""What a route needs to do its work once: the transaction, and the answer to a POST that is sent again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from .change import Change
from .idempotency import once
from .requests import Caller, IdempotencyKeyHeader, Store, TheCaller, TheStore


@dataclass(frozen=True, slots=True)
class Post:
    """A POST that may come again under its ``Idempotency-Key``."""

    store: Store
    caller: Caller
    operation: str
    key: str | None
    """Its key; None does the work each time."""

    def once(self, request: Any, work: Callable[[Change], tuple[int, BaseModel]]) -> Response:
        """Do a piece of work in a transaction of its own and return its answer, or the one given before.

        Parameters
        ----------
        request
            JSON value of all that was asked for.
        work
            Returns status and answer.

        Raises
        ------
        Problem
            The key was used with another request.
        """
        with self.store.database.write(self.caller.actor) as change:
            return once(
                change,
                token_id=self.caller.token_id,
                operation=self.operation,
                key=self.key,
                request=request,
                work=lambda: work(change),
            )


def the_post(request: Request, store: TheStore, caller: TheCaller, key: IdempotencyKeyHeader = None) -> Post:
    """Return the POST under way; its operation is the name of the route's function, as in `permissions`."""
    return Post(store, caller, request.scope["endpoint"].__name__, key)


ThePost = Annotated[Post, Depends(the_post)]
