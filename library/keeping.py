"""References of large libraries after their recipe, kept on disk: opening them again takes no second look.

A file holds what `spectra.refset.ReferenceSet.prepared` returns: a line of JSON (its key, the shapes, a
digest), filled up with blanks to a page; the identifiers, a line each; both matrices, each from a page of its
own. The key is the digest of all it was made from. It may be deleted at any time; what is damaged counts as
missing.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spectra import _kernels
from spectra.digest import json_digest
from spectra.recipe import Recipe
from spectra.refset import Prepared, ReferenceSet
from spectra.values import Technique

from .errors import LibraryError
from .mapping import Mapped
from .replacing import replace_file

#: Counted up whenever preparing gives other numbers, so that old files are not used.
REVISION = 1

PAGE = 4096


def kept_references(
    folder: Path | None, library_digest: str, recipes: Mapping[Technique, Recipe]
) -> dict[Technique, Prepared]:
    """Return what was kept of a library's references; a technique without, or with damage, is left out."""
    found = {}
    for technique, recipe in recipes.items() if folder is not None else ():
        assert folder is not None
        key = _key(library_digest, recipe)
        if (prepared := _kept(folder, key)) is not None:
            found[technique] = prepared
    return found


def keep_references(folder: Path | None, library_digest: str, sets: Iterable[ReferenceSet]) -> None:
    """Keep the references of large sets, in place of what is damaged; what cannot be written is not kept."""
    for references in sets if folder is not None else ():
        assert folder is not None
        key = _key(library_digest, references.recipe)
        prepared = references.prepared()
        if prepared is None or _kept(folder, key) is not None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / _name(key), partial(_write, prepared=prepared, key=key))
        except (OSError, LibraryError):
            continue


def _kept(folder: Path, key: str) -> Prepared | None:
    try:
        with (folder / _name(key)).open("rb") as file:
            return _read(Mapped.of(file), key)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _key(library_digest: str, recipe: Recipe) -> str:
    # Compiled kernels and pybaselines agree to a millionth of the range only.
    told = {"library": library_digest, "recipe": recipe.digest, "compiled": _kernels.available()}
    return json_digest({**told, "revision": REVISION})


def _name(key: str) -> str:
    return f"prepared-{key[:32]}.bin"


def _write(path: Path, *, prepared: Prepared, key: str) -> None:
    names = "".join(f"{name}\n" for name in prepared.references).encode()
    blocks: list[Any] = [names, *(np.ascontiguousarray(array).view(np.uint8).data for array in prepared[1:])]
    head = {
        "key": key,
        "names": len(names),
        "sharp": prepared.sharp.shape,
        "matrix": prepared.matrix.shape,
        "sha256": _digest(blocks),
    }
    with path.open("xb") as file:
        file.write(json.dumps(head).encode().ljust(PAGE - 1) + b"\n")
        for block in blocks:
            file.write(block)
            file.write(bytes(-memoryview(block).nbytes % PAGE))
        file.flush()
        os.fsync(file.fileno())


def _read(mapped: Mapped, key: str) -> Prepared:
    head: Any = json.loads(mapped.whole[:PAGE])
    if head["key"] != key:
        raise ValueError("it was made from something else")
    names = mapped.array(np.uint8, PAGE, (_size(head["names"]),))
    at = PAGE + _paged(names.nbytes)
    sharp = mapped.array(np.float32, at, _shape(head["sharp"]))
    matrix = mapped.array(np.float16, at + _paged(sharp.nbytes), _shape(head["matrix"]))
    # What this has looked at stays in memory: scans are to come, and would wait for it page by page.
    if _digest(array.reshape(-1).view(np.uint8).data for array in (names, sharp, matrix)) != head["sha256"]:
        raise ValueError("it is damaged")
    return Prepared(tuple(names.tobytes().decode().splitlines()), sharp, matrix)


def _digest(blocks: Iterable[Any]) -> str:
    sha = hashlib.sha256()
    for block in blocks:
        sha.update(block)
    return sha.hexdigest()


def _paged(size: int) -> int:
    return size + -size % PAGE


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a size is none")
    return value


def _shape(value: Any) -> tuple[int, int]:
    first, second = value
    return _size(first), _size(second)
