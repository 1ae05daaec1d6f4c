"""What is kept of the chain outside the database, gathered before the database is looked at.

A server may be running: what it notes meanwhile is left alone, because the state that is proved is older.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .errors import HeadsUnreadable
from .events.verification import NotedHashes, Witness
from .heads_key import public_files, read_public
from .heads_signed import HASHES, KEPT, LATEST, SignedHead, files_in, read_heads


def gather(folder: Path | None, heads: Sequence[Path] = (), public_keys: Sequence[Path] = ()) -> Witness:
    """Return what a server's folder and other files bear witness of.

    Parameters
    ----------
    folder
        The server's folder; None to take nothing from it.
    heads
        More files of signed heads: copies of benches and auditors.
    public_keys
        Keys to trust; empty for those in the folder.

    Raises
    ------
    HeadsUnreadable
        A file cannot be read, or there are heads and no key.
    AuditKeyUnusable
        A key cannot be read.
    """
    own = folder / "heads" if folder is not None else None
    latest, kept, lists = (files_in(own, name) if own is not None else [] for name in (LATEST, KEPT, HASHES))
    files = [*((path, _size(path)) for path in (*kept, *heads))]
    newest = [(head, str(path)) for path in latest for head in read_heads(path)]
    trusted = list(public_keys)
    if not trusted and folder is not None:
        trusted = public_files(folder)
    if (files or newest) and not trusted:
        raise HeadsUnreadable("there are signed heads and no key to check them with: give --public-key FILE")
    return Witness(
        heads=_all(newest, files),
        keys=[read_public(path) for path in trusted],
        hash_lists=[NotedHashes(path, _size(path) // 32) for path in lists],
    )


def _all(
    newest: Iterable[tuple[SignedHead, str]], files: Iterable[tuple[Path, int]]
) -> Iterator[tuple[SignedHead, str]]:
    yield from newest
    for path, size in files:
        yield from ((head, str(path)) for head in read_heads(path, size=size))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise HeadsUnreadable(f"{path} cannot be read: {error.strerror}") from error
