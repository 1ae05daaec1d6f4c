"""What errors of a database driver mean, by SQLSTATE where it is PostgreSQL's."""

from sqlalchemy.exc import DBAPIError

from ..errors import ServiceError
from .errors import StoreBusy, StoreUnreachable, TextUnfit

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY = {
    "55P03": "another writer holds the database",
    "57014": "the database took too long",
    "40001": "another writer was in the way",
    "40P01": "another writer was in the way",
    "53300": "the database server takes no more connections",
}
#: NUL, which PostgreSQL keeps in no text.
_UNFIT = {"22021", "22P05"}
#: Classes of connections that ended or never were, of servers that stop, and of sign-ins refused.
_GONE = ("08", "57P", "25P03", "28", "3D000")


def explained(error: DBAPIError) -> ServiceError | None:
    """Return the error of ours that a driver's error is; None for one that is a mistake of ours."""
    state = sqlstate(error)
    if state in _BUSY:
        return StoreBusy(f"{_BUSY[state]}; try again")
    if state in _UNFIT:
        return TextUnfit("a text holds a NUL character (U+0000), which cannot be kept")
    driver = type(error.orig).__module__.partition(".")[0]
    lost = driver == "pg8000" and type(error.orig).__name__ == "InterfaceError"
    if state.startswith(_GONE) or error.connection_invalidated or lost:
        return StoreUnreachable(
            f"the database server does not answer or let us in ({_said(error)}); try again"
        )
    if driver == "sqlite3" and str(error.orig).startswith("database is locked"):
        return StoreBusy("another writer holds the database; try again")
    return None


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of an error; empty where there is none."""
    told = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(told.get("C", "")) if isinstance(told, dict) else ""


def _said(error: DBAPIError) -> str:
    told = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    return str(told.get("M", "") if isinstance(told, dict) else told).partition("\n")[0][:200]
