"""Errors of the server that are no answers to a request.

::

    ServiceError
    ├── ServerAlreadyRunning (RuntimeError)   another server process has the database
    ├── StoreTooNew (RuntimeError)            a later version of this software made the database
    ├── WebhookKeyUnusable (RuntimeError)     the key of the webhooks' secrets is missing or another
    ├── StoreBusy (TimeoutError)              another writer holds the database for too long
    └── UnrecordedChange (RuntimeError)       a change without an event: refused, nothing was written
"""

from ..errors import ServiceError


class ServerAlreadyRunning(ServiceError, RuntimeError):
    """Another server process has the database."""


class StoreTooNew(ServiceError, RuntimeError):
    """The database was made by a later version of this software."""


class WebhookKeyUnusable(ServiceError, RuntimeError):
    """The file with the key of the webhooks' secrets cannot be used, or is another one."""


class StoreBusy(ServiceError, TimeoutError):
    """Another writer holds the database for too long; nothing was written."""


class UnrecordedChange(ServiceError, RuntimeError):
    """A change was about to be written without an event that tells of it; nothing was written."""
