"""The bytes of one archived scan: an HDF5 file with a JSON head, arrays, wire transcript and device's files.

::

    /            attribute ``format`` = "opioscan.scan/1"
    /head        uint8, RFC 8785 JSON: everything of the scan that is not an array
    /axis        float64 (pixels,)
    /counts      float64 (accumulations, pixels)
    /dark        float64 (accumulations, pixels), only where a dark was taken
    /transcript  uint8, the conversation with the device, only where there is one
    /original    uint8, the file the device wrote, only where there is one; named by ``settings["original"]``
    /sidecar_N   uint8, reports beside that file, N from 1; named by ``settings["sidecars"]``, in order

Equal scans give equal bytes: no clock goes in (``track_times=False``), the head is canonical,
and the file format version is pinned.
"""

import io
import json
import math
import uuid
from dataclasses import replace
from types import NoneType
from typing import Any, NoReturn

import h5py
import numpy as np
import numpy.typing as npt
import rfc8785

from spectra.digest import bytes_digest
from spectra.errors import SpectraError
from spectra.values import MAX_CHANNELS, Scan

from ..errors import ArchiveError, ScanDamaged
from .attached import ATTACHMENTS, MAX_ATTACHED_BYTES, Attached

FORMAT = "opioscan.scan/1"
_LONGEST_FORMAT = 64

#: Largest file read or taken from the network; 100 accumulations of 4096 pixels take 7 MB.
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_HEAD_BYTES = 1024 * 1024
MAX_TRANSCRIPT_BYTES = 32 * 1024 * 1024
#: Most numbers in one array: compressed files must not unfold into all memory there is.
MAX_NUMBERS = 1 << 24

_NAMES = {"axis", "counts", "dark", "head", "transcript"} | ATTACHMENTS
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: The filters HDF5 itself brings; any other would load code from a plug-in folder.
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
_NUMBER, _MAYBE_NUMBER = (int, float), (int, float, NoneType)
_KINDS: dict[str, tuple[type, ...]] = {
    "exposure_s": _NUMBER,
    "laser_nm": _MAYBE_NUMBER,
    "laser_mw": _MAYBE_NUMBER,
    "saturation_counts": _MAYBE_NUMBER,
    "spot": (int,),
    "attempt": (int,),
    "device": (dict,),
    "settings": (dict,),
}


def with_transcript(scan: Scan, transcript: bytes) -> Scan:
    """Return the scan naming the transcript kept with it.

    Raises
    ------
    ArchiveError
        The scan names another transcript, or the transcript is too long.
    """
    if not transcript:
        return scan
    if len(transcript) > MAX_TRANSCRIPT_BYTES:
        raise ArchiveError(f"a transcript of {len(transcript)} bytes exceeds {MAX_TRANSCRIPT_BYTES}")
    digest = bytes_digest(transcript)
    if scan.transcript_sha256 not in {"", digest}:
        raise ArchiveError("the scan names another wire transcript than the one given with it")
    return replace(scan, transcript_sha256=digest)


def encode_scan(scan: Scan, transcript: bytes = b"", attached: Attached | None = None) -> bytes:
    """Return the file of a scan as bytes; `attached` holds what the scan's settings name.

    Raises
    ------
    ArchiveError
        The device settings hold something that is no JSON value, or the file grows too large.
    """
    try:
        head = rfc8785.dumps(scan.described())
    except (ValueError, TypeError, RecursionError) as error:
        raise ArchiveError(f"the scan's settings have no JSON form: {error}") from error
    if len(head) > MAX_HEAD_BYTES:
        raise ArchiveError(f"the scan's description takes {len(head)} bytes, more than {MAX_HEAD_BYTES}")
    arrays: dict[str, npt.NDArray[Any]] = {"axis": scan.axis, "counts": scan.counts}
    arrays["head"] = np.frombuffer(head, np.uint8)
    if scan.dark is not None:
        arrays["dark"] = scan.dark
    texts = {**({"transcript": transcript} if transcript else {}), **(attached.parts() if attached else {})}
    arrays |= {name: np.frombuffer(text, np.uint8) for name, text in texts.items()}
    data = _hdf5(arrays)
    frames = max(scan.counts.size, 0 if scan.dark is None else scan.dark.size)
    if len(data) > MAX_FILE_BYTES or frames > MAX_NUMBERS:
        raise ArchiveError(f"a scan of {len(data)} bytes exceeds {MAX_FILE_BYTES}; take fewer accumulations")
    return data


def _hdf5(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    # libhdf5 knows open files by name, also those in memory, and two threads may archive at once.
    name = uuid.uuid4().hex
    with h5py.File(name, "w", driver="core", backing_store=False, libver=("v110", "v110")) as file:
        # Fixed length: a damaged heap of variable strings sends libhdf5 round in circles for ever.
        file.attrs["format"] = np.bytes_(FORMAT)
        for name, array in sorted(arrays.items()):
            packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if array.size else {}
            file.create_dataset(name, data=array, track_times=False, **packed)
        file.flush()
        return bytes(file.id.get_file_image())


def decode_scan(data: bytes, *, own: bool = False) -> Scan:
    """Return the scan in a file's bytes.

    Parameters
    ----------
    own
        Whether the bytes are known to be as this software wrote them, by their digest: then also files of
        its first version are read.

    Raises
    ------
    ScanDamaged
        The bytes are no scan file, too large, truncated, or inconsistent.
    """
    parts = _parts(data, own=own)
    head = _head(parts["head"].tobytes())
    if "transcript" in parts and head["transcript_sha256"] != bytes_digest(parts["transcript"].tobytes()):
        raise ScanDamaged("the scan's wire transcript is not the one it names")
    _attached(parts, head)
    try:
        return Scan.from_described(head, counts=parts["counts"], dark=parts.get("dark"), axis=parts["axis"])
    except (SpectraError, ValueError, TypeError) as error:
        raise ScanDamaged(f"the scan file holds no valid scan: {error}") from error


def decode_transcript(data: bytes, *, own: bool = False) -> bytes:
    """Return the wire transcript in a file's bytes; empty where none was kept."""
    parts = _parts(data, own=own)
    return parts["transcript"].tobytes() if "transcript" in parts else b""


def decode_attached(data: bytes, *, own: bool = False) -> Attached:
    """Return the device's files in a scan file's bytes, their digests checked; raises `ScanDamaged`."""
    parts = _parts(data, own=own)
    return _attached(parts, _head(parts["head"].tobytes()))


def _attached(parts: dict[str, npt.NDArray[Any]], head: dict[str, Any]) -> Attached:
    texts = {name: parts[name].tobytes() for name in parts.keys() & ATTACHMENTS}
    return Attached.named_by(head.get("settings", {}), texts)


def _format(file: h5py.File, *, own: bool) -> str:
    """Return what the file says it is; a string of variable length is read from our own files only."""
    kind = file.attrs.get_id("format").get_type() if "format" in file.attrs else None
    if not isinstance(kind, h5py.h5t.TypeStringID) or (kind.is_variable_str() and not own):
        return ""
    if not kind.is_variable_str() and kind.get_size() > _LONGEST_FORMAT:
        return ""
    found = file.attrs["format"]
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)


def _parts(data: bytes, *, own: bool = False) -> dict[str, npt.NDArray[Any]]:
    if len(data) > MAX_FILE_BYTES:
        raise ScanDamaged(f"a scan file of {len(data)} bytes exceeds {MAX_FILE_BYTES}")
    if not data.startswith(_SIGNATURE):
        raise ScanDamaged("the bytes are not an HDF5 file")
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            if _format(file, own=own) != FORMAT:
                raise ScanDamaged(f"the file's format is not {FORMAT}; this software reads no other")
            if extra := sorted(set(file) - _NAMES):
                raise ScanDamaged(f"the scan file holds the unknown part {extra[0]!r}")
            parts = {name: _array(file, name) for name in file}
    except ScanDamaged:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, MemoryError, OverflowError) as error:
        raise ScanDamaged(f"the scan file is damaged: {error}") from error
    if missing := {"axis", "counts", "head"} - parts.keys():
        raise ScanDamaged(f"the scan file lacks its {min(missing)}")
    return parts


def _array(file: h5py.File, name: str) -> npt.NDArray[Any]:
    """Read one dataset, refusing whatever could reach outside the file or unfold too far."""
    found = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise ScanDamaged(f"{name} of the scan file is not a plain dataset")
    plist = found.id.get_create_plist()
    if {plist.get_filter(i)[0] for i in range(plist.get_nfilters())} - _FILTERS:
        raise ScanDamaged(f"{name} of the scan file uses a foreign filter")
    most = dict.fromkeys(ATTACHMENTS, MAX_ATTACHED_BYTES)
    most |= {"head": MAX_HEAD_BYTES, "transcript": MAX_TRANSCRIPT_BYTES, "axis": MAX_CHANNELS}
    text = name in most and name != "axis"
    ndim = 1 if text or name == "axis" else 2
    dtype = np.dtype(np.uint8 if text else np.float64)
    unfolded = max(found.size, math.prod(found.chunks or (0,)))
    if found.dtype != dtype or found.ndim != ndim or unfolded > most.get(name, MAX_NUMBERS):
        raise ScanDamaged(f"{name} of the scan file has type {found.dtype} and shape {found.shape}")
    return np.asarray(found[()])


def _head(data: bytes) -> dict[str, Any]:
    try:
        head = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError, OverflowError) as error:
        raise ScanDamaged(f"the scan's description is not JSON: {error}") from error
    if not isinstance(head, dict) or not isinstance(head.get("device"), dict):
        raise ScanDamaged("the scan's description is no JSON object with a device")
    for name, value in head.items():
        _check_kind(name, value, _KINDS.get(name, (str,)))
    for name, value in head["device"].items():
        _check_kind(f"device {name}", value, (bool,) if name == "emulated" else (str,))
    head.setdefault("transcript_sha256", "")
    numbers = {name for name, kinds in _KINDS.items() if float in kinds}
    try:
        return {k: float(v) if k in numbers and v is not None else v for k, v in head.items()}
    except OverflowError as error:
        raise ScanDamaged("a number of the scan's description is too large") from error


def _check_kind(name: str, value: object, kinds: tuple[type, ...]) -> None:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ScanDamaged(f"the scan's {name} is of the wrong kind: {type(value).__name__}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
