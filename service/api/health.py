"""Whether the server lives, and whether it can work."""

import os
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from .events import chain
from .problems import Problem
from .requests import TheStore

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Records can be read and scans stored."""

    status: Literal["ready"] = "ready"


@router.get("/healthz", summary="Whether the process answers")
def healthz() -> Health:
    """Answer; nothing is looked at."""
    return Health()


@router.get("/readyz", summary="Whether the server can work")
def readyz(store: TheStore) -> Readiness:
    """Read the head of the chain and look whether scans can be written; 503 otherwise."""
    with store.database.read() as session:
        chain.head(session)
    if not os.access(store.archive.root, os.W_OK | os.X_OK):
        raise Problem("not_ready", "the folder of the scans cannot be written")
    return Readiness()
