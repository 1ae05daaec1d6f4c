"""Errors of the server that are no answers to a request.

::

    ServiceError
    ├── ServerAlreadyRunning (RuntimeError)   another server process has the database
    ├── StoreTooNew (RuntimeError)            a later version of this software made the database
    ├── StoreBusy (TimeoutError)              another writer holds the database for too long
    ├── StoreUnreadable (OSError)             the database cannot be read as it is
    ├── AuditKeyUnusable (OSError)            the key that signs heads of the chain cannot be used
    ├── HeadsUnreadable (OSError)             a file of signed heads cannot be read
    ├── StoreUnreachable (ConnectionError)    the database server does not answer
    ├── StoreUnsuitable (RuntimeError)        the database server's database cannot take the records
    ├── TextUnfit (ValueError)                a text that no database of ours keeps
    ├── BackupRefused (ValueError)            a backup that is damaged, or no place for it
    └── UnrecordedChange (RuntimeError)       a change without an event: refused, nothing was written
"""

from ..errors import ServiceError


class ServerAlreadyRunning(ServiceError, RuntimeError):
    """Another server process has the database."""


class StoreTooNew(ServiceError, RuntimeError):
    """The database was made by a later version of this software."""


class StoreBusy(ServiceError, TimeoutError):
    """Another writer holds the database for too long; nothing was written."""


class StoreUnreadable(ServiceError, OSError):
    """The database is not there, is damaged, or is of another version than this software."""


class StoreUnreachable(ServiceError, ConnectionError):
    """The database server does not answer, went away, or does not let us in."""


class StoreUnsuitable(ServiceError, RuntimeError):
    """The database exists, and its encoding or order of texts would lead to wrong answers."""


class TextUnfit(ServiceError, ValueError):
    """A text that was sent holds a character that cannot be kept; nothing was written."""


class BackupRefused(ServiceError, ValueError):
    """A backup is damaged, incomplete or none, or its place is taken; nothing was changed."""


class UnrecordedChange(ServiceError, RuntimeError):
    """A change was about to be written without an event that tells of it; nothing was written."""


class AuditKeyUnusable(ServiceError, OSError):
    """The key that signs heads of the chain is damaged, of another kind, or open to others."""


class HeadsUnreadable(ServiceError, OSError):
    """A file of signed heads cannot be read, or holds something else."""
