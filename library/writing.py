"""The file of a library written without ever being in memory whole.

HDF5 writes the skeleton: attributes, and datasets that have their place in the file but no content. The
content is written to those places as plain bytes, so that a full disk is an `OSError` here and not a leak and
a shout inside libhdf5; the space is reserved before.
"""

import errno
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from .packing import ARRAYS, FORMAT, FORMAT_VERSION, KINDS, laid_out

#: What HDF5 itself may take in such a file: superblock, headers and attributes, with room to spare, bytes.
SKELETON = 64 << 10
#: Where in the file an array may begin: at multiples of this, bytes.
PAGE = 4096
#: How numbers stand in the file.
_FILED = {"heads": "|u1", "axis_of": "<u4", **dict.fromkeys(("axis", "intensity", "noise"), "<f8")}
#: Bytes gathered before they are written.
CHUNK = 4 << 20


def write_file(path: Path, name: str, digest: str, parts: dict[str, list[Any]]) -> None:
    """Write a library to a path that does not exist yet.

    Parameters
    ----------
    path
        Where to.
    name, digest
        Of the library.
    parts
        What is laid end to end (`library.packing.parts_of`).

    Raises
    ------
    OSError
        The operating system refused, for example for want of space.
    """
    laid = laid_out(parts)
    sizes = {key: _count(key, laid[key]) for key in ARRAYS}
    total = sum(sizes[key] * np.dtype(KINDS[key]).itemsize for key in ARRAYS)
    _reserve(path, total + SKELETON)
    places = _skeleton(path, name, digest, sizes)
    with path.open("r+b", buffering=CHUNK) as file:
        for key in ARRAYS:
            if sizes[key]:
                file.seek(places[key])
                for part in laid[key]:
                    file.write(part if key == "heads" else np.ascontiguousarray(part, dtype=_FILED[key]).data)


def _count(key: str, parts: list[Any]) -> int:
    return sum(len(part) if key == "heads" else part.size for part in parts)


def _reserve(path: Path, size: int) -> None:
    """Find out whether there is room, before HDF5 does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        # Some network file systems cannot reserve; there the disk is found full while writing.
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    finally:
        os.close(handle)


def _skeleton(path: Path, name: str, digest: str, sizes: dict[str, int]) -> dict[str, int]:
    """Write everything but the content; return where in the file the content of each array belongs."""
    # Numbers begin on pages of their own: a large file is mapped, and what lies askew cannot be.
    how = {"alignment_threshold": 1, "alignment_interval": PAGE}
    with h5py.File(path, "w", libver=("v110", "v110"), locking=False, **how) as file:
        file.attrs["format_version"] = FORMAT_VERSION
        for key, text in {"format": FORMAT, "name": name, "digest": digest}.items():
            # Of fixed length: others lie elsewhere in the file, and reading a damaged one may never end.
            file.attrs[key] = np.bytes_(text.encode())
        kept = [_dataset(file, key, sizes[key]) for key in ARRAYS]
        file.flush()
        return {key: int(one.get_offset() or 0) for key, one in zip(ARRAYS, kept, strict=True)}


def _dataset(file: h5py.File, key: str, size: int) -> Any:
    """Make a dataset that has its place in the file from the start, and is not filled."""
    how = h5p.create(h5p.DATASET_CREATE)
    how.set_layout(h5d.CONTIGUOUS)
    how.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    how.set_fill_time(h5d.FILL_TIME_NEVER)
    how.set_obj_track_times(track_times=False)
    kind = h5t.py_create(np.dtype(_FILED[key]))
    return h5d.create(file.id, key.encode(), kind, h5s.create_simple((size,)), dcpl=how)
