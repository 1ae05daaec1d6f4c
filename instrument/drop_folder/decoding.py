"""From a file's bytes to spectra, at a bounded cost whatever the bytes are.

The readers of `spectra.formats` are our own, pure and bounded: small files are read by them in this process.
A large file, which could still take much memory as text, is read in a child process with limits on memory
and time; so is every file of a third-party reader, should one ever be among them.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import instrument
from spectra.errors import FormatError, SpectraError, UnknownFormat
from spectra.formats import Decoded, decode
from spectra.values import MAX_CHANNELS, FloatArray, Spectrum, Technique

#: Files up to this size are read in this process, bytes: chosen; 2 MiB of text are parsed within a second.
IN_PROCESS = 2 << 20
#: More spectra in one file make a map or a library, not a measurement: chosen.
MAX_SPECTRA = 32
#: Longest time a child may take, s: chosen; 32 MiB of numbers take some seconds.
CHILD_S = 60.0
#: Most bytes a child may answer: its spectra as base64.
MAX_ANSWER = 256 << 20


def decode_file(
    data: bytes, name: str, *, technique: Technique | None, laser_nm: float | None
) -> tuple[Decoded, ...]:
    """Return the spectra in a file's bytes; raises `FormatError`."""
    if len(data) <= IN_PROCESS:
        found = decode(data, name=name, technique=technique, laser_nm=laser_nm)
    else:
        found = decode_in_child(data, name, technique=technique, laser_nm=laser_nm)
    if len(found) > MAX_SPECTRA:
        raise FormatError(f"{name}: {len(found)} spectra are a map or a library, not a measurement")
    return found


def decode_in_child(
    data: bytes,
    name: str,
    *,
    technique: Technique | None = None,
    laser_nm: float | None = None,
    timeout_s: float = CHILD_S,
) -> tuple[Decoded, ...]:
    """Return the spectra in a file's bytes, read by a child process that may be broken by them.

    Raises
    ------
    FormatError
        As from `spectra.formats.decode`; also where the child ran out of memory or time.
    """
    head = {"name": name, "technique": technique, "laser_nm": laser_nm}
    asked = json.dumps(head).encode() + b"\n" + data
    command = [sys.executable, "-m", f"{__package__}.child"]
    root = str(Path(instrument.__file__).resolve().parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as child:
        try:
            answer, _ = child.communicate(asked, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise FormatError(f"{name}: not read within {timeout_s:g} s: damaged, or made to harm") from error
        finally:
            child.kill()
    if child.returncode != 0 or len(answer) > MAX_ANSWER:
        raise FormatError(f"{name}: its reader ran out of memory or failed: damaged, or made to harm")
    return unpacked(answer, name)


def packed(found: tuple[Decoded, ...]) -> bytes:
    """Return spectra as bytes for another process; no pickle, since the reader may not be trusted."""
    return json.dumps({"spectra": [_described(one) for one in found]}).encode()


def unpacked(answer: bytes, name: str) -> tuple[Decoded, ...]:
    """Return the spectra that a child packed; raises the `FormatError` it had, or one of its own."""
    try:
        said = json.loads(answer)
        if "error" in said:
            kind = UnknownFormat if said.get("kind") == "UnknownFormat" else FormatError
            raise kind(str(said["error"])[:1000])
        return tuple(_decoded(one) for one in said["spectra"])
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, SpectraError) as error:
        raise FormatError(f"{name}: its reader answered nonsense: {error}") from error


def _described(one: Decoded) -> dict[str, Any]:
    spectrum = one.spectrum
    return {
        "axis": _text(spectrum.axis),
        "intensity": _text(spectrum.intensity),
        "noise": None if spectrum.noise is None else _text(spectrum.noise),
        "technique": spectrum.technique,
        "laser_nm": spectrum.laser_nm,
        "resolution_cm1": spectrum.resolution_cm1,
        "saturated": spectrum.saturated,
        "history": list(spectrum.history),
        "format": one.format,
        "title": one.title,
        "meta": one.meta,
    }


def _decoded(head: dict[str, Any]) -> Decoded:
    laser, width = head["laser_nm"], head["resolution_cm1"]
    spectrum = Spectrum(
        axis=_array(head["axis"]),
        intensity=_array(head["intensity"]),
        noise=None if head["noise"] is None else _array(head["noise"]),
        technique=Technique(head["technique"]),
        laser_nm=None if laser is None else float(laser),
        resolution_cm1=None if width is None else float(width),
        saturated=head["saturated"] is True,
        history=tuple(str(line) for line in head["history"]),
    )
    meta = {str(key): str(value) for key, value in head["meta"].items()}
    return Decoded(spectrum, str(head["format"]), str(head["title"]), meta)


def _text(array: FloatArray) -> str:
    return base64.b64encode(array.astype("<f8").tobytes()).decode()


def _array(text: str) -> FloatArray:
    if len(text) > MAX_CHANNELS * 12:
        raise ValueError("an array that is too long")
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8").astype(np.float64)
