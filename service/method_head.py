"""What a method file says of itself, apart from what rebuilds it: a server lists methods without numerics."""

from dataclasses import dataclass

#: Largest method file, bytes. A library of 25,000 entries of 1,000 channels takes 200 MB.
MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class MethodFileHead:
    """What a method file says of itself; only reading it whole shows whether it is true."""

    file_id: str
    """SHA-256 of the file."""
    name: str
    """Name of the method."""
    version: int
    """Its version."""
    method_digest: str
    """Digest of the method."""
    library_digest: str
    """Digest of its library."""
