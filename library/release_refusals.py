"""The name of a refusal: what TUF's client says, told as what happened and what to do about it."""

import re
from typing import TypeVar
from urllib.parse import unquote

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from .release_errors import (
    DownloadTruncated,
    MetadataDamaged,
    MetadataExpired,
    OlderVersion,
    ReleaseError,
    RepositoryUnreachable,
    SignatureWrong,
    TargetSwapped,
    TooFewSignatures,
    TooMuchData,
    UnknownKey,
)
from .release_source import Source

#: Every refusal ends with it.
KEPT = "this bench works on with what it had"

_DIGEST = re.compile(r"^[0-9a-f]{64}\.")
_Refusal = TypeVar("_Refusal", bound=ReleaseError)


def refusal(error: Exception, source: Source, root: Root, *, expected: int | None = None) -> ReleaseError:
    """Return the named error for what TUF's client raised.

    Parameters
    ----------
    error
        A ``RepositoryError`` or ``DownloadError``.
    source
        What was being fetched from.
    root
        Newest root that this bench trusts.
    expected
        Length that was signed for the file being fetched; None for metadata.
    """
    what = _DIGEST.sub("", unquote(source.last_url.rpartition("/")[2])) or source.name
    if isinstance(error, DownloadHTTPError):
        return _told(
            RepositoryUnreachable,
            f"{source.name} has no {what} ({error.status_code}): is it a published repository?",
        )
    if isinstance(error, DownloadLengthMismatchError):
        return _told(
            TooMuchData,
            f"{what} from {source.name} is longer than it may be: it is endless, or was exchanged",
        )
    if isinstance(error, DownloadError):
        return _told(RepositoryUnreachable, f"{source.name} does not answer for {what}: {error}")
    if isinstance(error, ExpiredMetadataError):
        return _told(
            MetadataExpired,
            f"the {_expired(error)} of {source.name} is past its date: it was not published anew, or "
            "this is an old or frozen copy; publish it again (opioscan method publish), and check this clock",
        )
    if isinstance(error, UnsignedMetadataError):
        return _unsigned(what, source, root)
    if isinstance(error, LengthOrHashMismatchError | DeserializationError):
        return _changed(what, source, expected, parsed=isinstance(error, LengthOrHashMismatchError))
    if isinstance(error, BadVersionNumberError):
        return _told(
            OlderVersion,
            f"{what} of {source.name} is older than what this bench has seen ({error}): "
            "an old copy, or an attack",
        )
    return _told(MetadataDamaged, f"{what} of {source.name} cannot be used: {error}")


def _unsigned(what: str, source: Source, root: Root) -> ReleaseError:
    """Tell who signed what too few signed."""
    role = _role(what)
    try:
        found: Metadata[Root] = Metadata.from_bytes(source.last_data)
        # What a new root lacks, it may lack by the trusted one or by itself.
        judges = (root, found.signed) if isinstance(found.signed, Root) else (root,)
        results = [one.get_verification_result(role, found.signed_bytes, found.signatures) for one in judges]
    except (RepositoryError, DeserializationError, ValueError) as error:
        return _told(MetadataDamaged, f"{what} of {source.name} cannot be used: {error}")
    result = min(results, key=lambda one: len(one.signed) - one.threshold)
    known = {keyid for one in results for keyid in (*one.signed, *one.unsigned)}
    count = f"{len(result.signed)} of {result.threshold} signatures"
    strange = sorted(found.signatures.keys() - known)
    if strange or (found.signatures and not found.signatures.keys() & (*result.signed, *result.unsigned)):
        strange = strange or sorted(found.signatures)
        return _told(
            UnknownKey,
            f"{what} of {source.name} is signed with the key {strange[0][:12]}, which this bench does not "
            f"trust ({count}); if the keys were changed, the repository lacks the roots between",
        )
    if found.signatures.keys() & result.unsigned.keys():
        return _told(SignatureWrong, f"{what} of {source.name} was altered after it was signed ({count} fit)")
    return _told(
        TooFewSignatures, f"{what} of {source.name} has {count}: the other people must sign it first"
    )


def _changed(what: str, source: Source, expected: int | None, *, parsed: bool) -> ReleaseError:
    """Tell a file that is cut off from one that is another."""
    short = (
        source.last_length < expected
        if expected is not None
        else not source.last_data.rstrip().endswith(b"}")
    )
    if short:
        of = f" after {source.last_length} of {expected} bytes" if expected is not None else ""
        return _told(DownloadTruncated, f"{what} from {source.name} is cut off{of}: fetch or copy it again")
    if not parsed:
        return _told(MetadataDamaged, f"{what} of {source.name} is not metadata: take a copy that is whole")
    return _told(
        TargetSwapped,
        f"{what} from {source.name} is not the file that was signed: it was damaged or exchanged",
    )


def _role(what: str) -> str:
    """Return the role of a metadata file: ``targets`` for ``7.targets.json``."""
    return what.removesuffix(".json").rpartition(".")[2]


def _expired(error: Exception) -> str:
    return next(
        (role for role in ("root", "timestamp", "snapshot", "targets") if role in str(error)), "metadata"
    )


def _told(kind: type[_Refusal], text: str) -> _Refusal:
    return kind(f"{text}; {KEPT}")
