"""Errors of releases: methods signed, published, fetched and switched to; they are errors of ``library``.

::

    LibraryError
    └── ReleaseError
        ├── KeyUnusable (ValueError)            a signing key, or its passphrase, cannot be used
        ├── RepositoryUnready (ValueError)      nothing to sign or publish, or signatures are missing
        ├── RepositoryUnreachable (OSError)     no repository there, or it does not answer
        ├── NothingTrusted (LookupError)        no root was trusted at this bench
        ├── NothingToRollBack (LookupError)     no earlier release is kept
        ├── ReleaseStateDamaged (ValueError)    the bench's own record of releases is damaged
        ├── ReleaseAltered (ValueError)         an installed file is not what was signed
        └── UpdateRefused (ValueError)          what a repository offers is refused; the bench stays as it was
            ├── TooFewSignatures                one signature of two
            ├── UnknownKey                      signed with a key nobody trusted
            ├── SignatureWrong                  altered after it was signed
            ├── MetadataExpired                 past its date: not renewed, or a frozen copy
            ├── OlderVersion                    older than what this bench has seen
            ├── TargetSwapped                   a file is not the one that was signed
            ├── DownloadTruncated               a file is cut off
            ├── TooMuchData                     a file is longer than was signed, or than any may be
            ├── TooSlow (TimeoutError)          it took longer than an update may
            ├── ClockSetBack                    this machine's clock is earlier than it has been
            ├── MetadataDamaged                 it is not metadata of a repository
            ├── RootUnfit                       a root that asks for fewer than two people, or worse
            ├── OtherMethodThere                another method of that name and version is stored here
            └── ReleaseUnusable                 this program cannot use what was released
"""

from .errors import LibraryError


class ReleaseError(LibraryError):
    """Base of every error of releases."""


class KeyUnusable(ReleaseError, ValueError):
    """A signing key cannot be made, read or used, or its passphrase is wrong."""


class RepositoryUnready(ReleaseError, ValueError):
    """A repository has nothing to sign or publish, or lacks signatures."""


class RepositoryUnreachable(ReleaseError, OSError):
    """There is no repository at that address, or it does not answer."""


class NothingTrusted(ReleaseError, LookupError):
    """No root was trusted at this bench yet."""


class NothingToRollBack(ReleaseError, LookupError):
    """No earlier release is kept here."""


class ReleaseStateDamaged(ReleaseError, ValueError):
    """The bench's own record of its releases is damaged."""


class ReleaseAltered(ReleaseError, ValueError):
    """A file of an installed release is not what was signed."""


class UpdateRefused(ReleaseError, ValueError):
    """What a repository offers is refused; the bench works on with what it had."""


class TooFewSignatures(UpdateRefused):
    """Fewer people signed than the root asks for."""


class UnknownKey(UpdateRefused):
    """A signature is by a key that the trusted root does not name."""


class SignatureWrong(UpdateRefused):
    """A signature does not fit what it stands under."""


class MetadataExpired(UpdateRefused):
    """Metadata is past its date."""


class OlderVersion(UpdateRefused):
    """Metadata is older than what this bench has seen."""


class TargetSwapped(UpdateRefused):
    """A file is not the one that was signed."""


class DownloadTruncated(UpdateRefused):
    """A file is cut off."""


class TooMuchData(UpdateRefused):
    """A file is longer than was signed, or than any of its kind may be."""


class TooSlow(UpdateRefused, TimeoutError):
    """The repository takes longer to answer than an update may last."""


class ClockSetBack(UpdateRefused):
    """The machine's clock is earlier than a time it is known to have passed."""


class MetadataDamaged(UpdateRefused):
    """A file is not metadata of a repository of methods."""


class RootUnfit(UpdateRefused):
    """A root does not ask for two different people, or mixes up its keys."""


class OtherMethodThere(UpdateRefused):
    """Another method of that name and version is stored here."""


class ReleaseUnusable(UpdateRefused):
    """What was released cannot be used by this program."""
