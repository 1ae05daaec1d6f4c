"""Errors of the package ``service``.

::

    ServiceError
    ├── UsageError (ValueError)               the command, option or form cannot be acted on
    ├── SettingsError (ValueError)            configuration that is damaged or unknown
    ├── StrangerPackages (ImportError)        other projects' packages stand in for ours
    ├── MissingPart (ImportError)             an optional part is not installed
    ├── ArchiveError (OSError)                the scan archive cannot do what was asked
    │   ├── DiskFull                          no room: refuse before firing
    │   ├── ScanNotFound                      no scan under that content address
    │   └── ScanDamaged                       bytes that do not match their address or format
    ├── CalibrationStoreError (OSError)       the store of calibration records cannot do what was asked
    │   ├── CalibrationNotFound               no such record, or several begin like that
    │   └── CalibrationDamaged                a file that is not what its name says, or no record
    ├── EvidenceDamaged (ValueError)          a method file or evidence bundle is damaged, or none
    ├── EvidenceMissing (LookupError)         what a result depends on was not kept here
    ├── OutboxError (RuntimeError)            the outbox cannot do what was asked
    │   └── OtherBody                         a key was used before, for something else
    ├── AgentUnreachable (ConnectionError)    no bench agent answers
    ├── AgentRefused (RuntimeError)           the bench agent said no
    ├── ServerUnreachable (ConnectionError)   no server answers, or a stranger does
    └── ServerRefused (RuntimeError)          the server said no
"""


class ServiceError(Exception):
    """Base of every error raised by ``service``."""


class UsageError(ServiceError, ValueError):
    """The command, option or form field cannot be acted on."""


class SettingsError(ServiceError, ValueError):
    """A configuration file or environment variable is damaged, unknown or out of range."""


class StrangerPackages(ServiceError, ImportError):
    """One of the five packages comes from another project of the same name."""


class MissingPart(ServiceError, ImportError):
    """A command needs a part that is not installed."""


class ArchiveError(ServiceError, OSError):
    """The scan archive cannot do what was asked."""


class DiskFull(ArchiveError):
    """There is no room for the scan; nothing was fired, nothing was half written."""


class ScanNotFound(ArchiveError):
    """No scan is kept under that content address."""


class ScanDamaged(ArchiveError):
    """Bytes do not match their content address, or do not decode to a scan."""


class CalibrationStoreError(ServiceError, OSError):
    """The store of calibration records cannot do what was asked."""


class CalibrationNotFound(CalibrationStoreError):
    """No calibration record has that identifier, or several begin like that."""


class CalibrationDamaged(CalibrationStoreError):
    """A file is not the calibration record or withdrawal that its name says."""


class EvidenceDamaged(ServiceError, ValueError):
    """A method file or an evidence bundle is damaged, altered, too large, or no such file."""


class EvidenceMissing(ServiceError, LookupError):
    """Something a result depends on was not kept here, so that it cannot be recomputed."""


class OutboxError(ServiceError, RuntimeError):
    """The outbox cannot do what was asked."""


class OtherBody(OutboxError):
    """The key of an operation was used before, with another content."""


class AgentUnreachable(ServiceError, ConnectionError):
    """No bench agent answers."""


class AgentRefused(ServiceError, RuntimeError):
    """The bench agent understood and said no."""


class ServerUnreachable(ServiceError, ConnectionError):
    """No server answers in time, or what answers is not an opioscan server."""


class Unanswered(ServerUnreachable):
    """The server answers other requests, but not this one."""


class ServerRefused(ServiceError, RuntimeError):
    """The server understood and said no."""
