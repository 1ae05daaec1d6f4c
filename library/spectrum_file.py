"""Single spectra in HDF5: what ``opioscan convert FILE OUT.h5`` writes, and reads again.

::

    /              attribute ``format`` = "opioscan.spectra/1"
    /head_N        uint8, JSON: title, technique, laser, resolution, saturation, history, header; N from 1
    /axis_N        float64 (points,), cm⁻¹
    /intensity_N   float64 (points,)
    /noise_N       float64 (points,), only where known

Every dataset carries HDF5's own checksum (Fletcher-32), so that damaged numbers are refused. Equal spectra
give equal bytes. A library of references is another file: `library.store`.
"""

import io
import json
import math
import uuid
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from spectra.errors import FormatError, SpectraError
from spectra.formats import MAX_BYTES, Decoded, decode
from spectra.formats.reading import Request
from spectra.values import MAX_CHANNELS, Spectrum, Technique

FORMAT = "opioscan.spectra/1"
#: `Decoded.format` of what is read.
FORMAT_NAME = "HDF5 spectra"
#: How every HDF5 file begins.
SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Spectra of one file, and bytes of one head.
MAX_SPECTRA, MAX_HEAD_BYTES = 1000, 1 << 20
#: Points of all spectra of a file together.
MAX_POINTS = 2 * MAX_CHANNELS
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_DAMAGE = (OSError, ValueError, KeyError, RuntimeError, TypeError, MemoryError, OverflowError, RecursionError)


def encode_spectra(spectra: Sequence[Decoded]) -> bytes:
    """Return an HDF5 file of spectra as bytes.

    Raises
    ------
    FormatError
        No spectrum, or more than one file may hold.
    """
    if not 0 < len(spectra) <= MAX_SPECTRA or sum(one.spectrum.axis.size for one in spectra) > MAX_POINTS:
        raise FormatError(
            f"an HDF5 file holds 1 to {MAX_SPECTRA} spectra and {MAX_POINTS} points: convert fewer"
        )
    # libhdf5 knows open files by name, also those in memory.
    name = uuid.uuid4().hex
    with h5py.File(name, "w", driver="core", backing_store=False, libver=("v110", "v110")) as file:
        file.attrs["format"] = np.bytes_(FORMAT)
        for number, one in enumerate(spectra, start=1):
            for part, array in _parts_of(one).items():
                file.create_dataset(
                    f"{part}_{number}", data=array, track_times=False,
                    compression="gzip", compression_opts=4, shuffle=True, fletcher32=True,
                )  # fmt: skip
        file.flush()
        return bytes(file.id.get_file_image())


def decode_spectra(data: bytes) -> tuple[Decoded, ...]:
    """Return the spectra of an HDF5 file written by `encode_spectra`.

    Raises
    ------
    FormatError
        The bytes are damaged, or HDF5 of another kind.
    """
    if not data.startswith(SIGNATURE) or len(data) > MAX_BYTES:
        raise FormatError(f"no HDF5 file of at most {MAX_BYTES} bytes")
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            if _format(file) != FORMAT:
                raise FormatError(
                    f"an HDF5 file, but none of single spectra ({FORMAT}): a library is listed by "
                    "'opioscan library list', and becomes files by 'opioscan library export'"
                )
            return _all_of(file)
    except SpectraError:
        raise
    except _DAMAGE as error:
        raise FormatError("the HDF5 file is damaged") from error


def decode_file(
    data: bytes,
    *,
    name: str = "",
    technique: Technique | None = None,
    laser_nm: float | None = None,
    columns: tuple[str, ...] = (),
) -> tuple[Decoded, ...]:
    """Return the spectra of a file of any format read here: `spectra.formats.decode`, and HDF5.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Its name, for messages and as a title of last resort.
    technique
        How it was measured, where the file does not say so; a file that says otherwise is refused.
    laser_nm
        Excitation wavelength, nm, likewise.
    columns
        What the columns of a plain table are, as for `spectra.formats.decode`.

    Raises
    ------
    FormatError
        Damaged, of no format read here, or contradicting what was said.
    """
    if not data.startswith(SIGNATURE):
        return decode(data, name=name, technique=technique, laser_nm=laser_nm, columns=columns)
    asked = Request(name, technique, laser_nm)
    try:
        found = decode_spectra(data)
        for one in found:
            asked.settle_laser(one.spectrum.laser_nm, asked.settle_technique(one.spectrum.technique))
    except FormatError as error:
        raise FormatError(f"{name}: {error}" if name else str(error)) from error
    return found


def _parts_of(one: Decoded) -> dict[str, npt.NDArray[Any]]:
    spectrum = one.spectrum
    head = {
        "title": one.title,
        "meta": {"converted from": one.format} | one.meta,
        "technique": spectrum.technique.value,
        # a laser of 785 is 785.0 when it is read
        "laser_nm": None if spectrum.laser_nm is None else float(spectrum.laser_nm),
        "resolution_cm1": None if spectrum.resolution_cm1 is None else float(spectrum.resolution_cm1),
        "saturated": spectrum.saturated,
        "history": list(spectrum.history),
    }
    text = json.dumps(head, sort_keys=True, allow_nan=False).encode("ascii")
    parts: dict[str, npt.NDArray[Any]] = {
        "head": np.frombuffer(text, np.uint8),
        "axis": spectrum.axis,
        "intensity": spectrum.intensity,
    }
    return parts if spectrum.noise is None else {**parts, "noise": spectrum.noise}


def _all_of(file: h5py.File) -> tuple[Decoded, ...]:
    names = set(file)
    numbers = range(1, sum(name.startswith("head_") for name in names) + 1)
    known = {f"{part}_{number}" for part in ("head", "axis", "intensity", "noise") for number in numbers}
    if not 0 < len(numbers) <= MAX_SPECTRA or names - known:
        raise FormatError("the HDF5 file holds no spectrum, or unknown parts")
    spent = [0]
    return tuple(_decoded(file, number, spent) for number in numbers)


def _decoded(file: h5py.File, number: int, spent: list[int]) -> Decoded:
    head = json.loads(_array(file, f"head_{number}", np.uint8, MAX_HEAD_BYTES).tobytes())
    axis, intensity = (_array(file, f"{part}_{number}", np.float64) for part in ("axis", "intensity"))
    spent[0] += axis.size
    if spent[0] > MAX_POINTS:
        raise FormatError(f"more than {MAX_POINTS} points in one file")
    noise = f"noise_{number}"
    texts = [head["title"], *head["history"], *head["meta"], *head["meta"].values()]
    numbers = [value for value in (head["laser_nm"], head["resolution_cm1"]) if value is not None]
    if not all(isinstance(text, str) for text in texts) or not isinstance(head["saturated"], bool):
        raise FormatError(f"the description of spectrum {number} is damaged")
    if not all(isinstance(value, float) and math.isfinite(value) for value in numbers):
        raise FormatError(f"the description of spectrum {number} is damaged")
    spectrum = Spectrum(
        axis=axis,
        intensity=intensity,
        technique=Technique(head["technique"]),
        noise=_array(file, noise, np.float64) if noise in file else None,
        laser_nm=head["laser_nm"],
        resolution_cm1=head["resolution_cm1"],
        saturated=head["saturated"],
        history=tuple(head["history"]),
    )
    return Decoded(spectrum, FORMAT_NAME, head["title"], head["meta"])


def _format(file: h5py.File) -> str:
    """Return what the file says it is; a damaged string of variable length could hang libhdf5."""
    kind = file.attrs.get_id("format").get_type() if "format" in file.attrs else None
    if not isinstance(kind, h5py.h5t.TypeStringID) or kind.is_variable_str() or kind.get_size() > 64:
        return ""
    found = file.attrs["format"]
    return found.decode("ascii", "replace") if isinstance(found, bytes) else ""


def _array(file: h5py.File, name: str, kind: type[np.generic], most: int = MAX_CHANNELS) -> npt.NDArray[Any]:
    """Read one dataset, refusing whatever could reach outside the file or unfold too far."""
    found = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise FormatError(f"{name} of the HDF5 file is missing or no plain dataset")
    plist = found.id.get_create_plist()
    if {plist.get_filter(i)[0] for i in range(plist.get_nfilters())} != _FILTERS:
        raise FormatError(f"{name} of the HDF5 file has no checksum, or a foreign filter")
    if found.dtype != np.dtype(kind) or found.ndim != 1 or max(found.size, *(found.chunks or (0,))) > most:
        raise FormatError(f"{name} of the HDF5 file has type {found.dtype} and shape {found.shape}")
    return np.asarray(found[()])
