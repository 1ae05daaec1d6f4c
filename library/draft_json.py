"""A draft as one JSON file: strictly read, replaced whole, never over what somebody wrote meanwhile."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from spectra.digest import json_digest
from spectra.errors import SpectraError
from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from .drafts import MAX_REPLICATES, Draft, Replicate, Sample, Session
from .entry_json import check_kinds
from .errors import DraftError, LibraryFormatError
from .replacing import folder_lock, replace_file

SCHEMA = "opioscan.reference-draft/1"
#: A larger file is none of ours: 200 replicates of 4,096 channels take 20 MB.
MAX_BYTES = 64 << 20

_NUMBER = (int, float)
_DRAFT: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "digest": str,
    "sample": dict,
    "technique": str,
    "device": dict,
    "laser_nm": (*_NUMBER, type(None)),
    "resolution_cm1": (*_NUMBER, type(None)),
    "axis": list,
    "sessions": list,
    "replicates": list,
    "authenticated": dict,
    "figures": dict,
}
_REPLICATE: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("scan_id", "taken_at", "words"), str),
    **dict.fromkeys(("session", "spot", "number", "accumulations"), int),
    **dict.fromkeys(("laser_mw", "snr"), (*_NUMBER, type(None))),
    **dict.fromkeys(("intensity", "history", "refused"), list),
    "exposure_s": _NUMBER,
    "saturated": bool,
}


def _texts_of(cls: type) -> dict[str, type | tuple[type, ...]]:
    return {one.name: bool if one.name == "emulated" else str for one in fields(cls)}


def draft_json(draft: Draft, figures: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a draft as JSON values; ``digest`` covers everything else.

    Parameters
    ----------
    draft
        The draft.
    figures
        What `library.judging` says of it, for whoever reads the file; never read back.
    """
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "sample": _plain(draft.sample),
        "technique": str(draft.technique),
        "device": _plain(draft.device),
        "laser_nm": draft.laser_nm,
        "resolution_cm1": draft.resolution_cm1,
        "axis": draft.axis.tolist(),
        "sessions": [_plain(one) for one in draft.sessions],
        "replicates": [_replicate_json(one) for one in draft.replicates],
        "authenticated": draft.authenticated,
        "figures": figures or {},
    }
    return {**value, "digest": json_digest(value)}


def write_draft(path: Path, draft: Draft, figures: dict[str, Any] | None = None, *, after: str = "") -> str:
    """Write a draft in one step and return its digest.

    Parameters
    ----------
    path
        File to write.
    draft, figures
        What to write, as in `draft_json`.
    after
        Digest of the draft this one continues; empty for a new one, which replaces nothing.

    Raises
    ------
    DraftError
        Another program changed the file meanwhile.
    LibraryExists, LibraryNotWritten
        There is a file already, or the operating system refused.
    """
    path = Path(path)
    value = draft_json(draft, figures)
    data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with folder_lock(path.absolute().parent):
        if after and _read(path)["digest"] != after:
            raise DraftError(f"{path}: another program changed it meanwhile; it was left as it is")
        replace_file(path, lambda temporary: temporary.write_bytes(data), replace=bool(after))
    return str(value["digest"])


def read_draft(path: Path) -> tuple[Draft, str]:
    """Read a draft and its digest, which was verified.

    Raises
    ------
    DraftError
        It cannot be read, is no draft, or was damaged or altered.
    """
    path = Path(path)
    value = _read(path)
    try:
        check_kinds(value, _DRAFT, what="it")
        return _draft(value), str(value["digest"])
    except (LibraryFormatError, SpectraError, ValueError, TypeError, KeyError) as error:
        raise DraftError(f"{path}: no draft of a reference: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DraftError(f"{path}: larger than a draft can be")
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DraftError(f"{path}: there is no such draft") from error
    except OSError as error:
        raise DraftError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DraftError(f"{path}: no draft of a reference, or cut off") from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise DraftError(f"{path}: no draft of a reference ({SCHEMA})")
    try:
        whole = json_digest({key: one for key, one in value.items() if key != "digest"})
    except (ValueError, RecursionError) as error:
        raise DraftError(f"{path}: damaged") from error
    if value.get("digest") != whole:
        raise DraftError(f"{path}: its content does not match its digest: it was damaged or altered by hand")
    return value


def _draft(value: dict[str, Any]) -> Draft:
    for name, cls in (("sample", Sample), ("device", DeviceInfo)):
        check_kinds(value[name], _texts_of(cls), what=f"its {name}")
    for one in value["sessions"]:
        check_kinds(one, _texts_of(Session), what="a session")
    if len(value["replicates"]) > MAX_REPLICATES:
        raise ValueError("too many replicates")
    return Draft(
        sample=Sample(**value["sample"]),
        technique=Technique(value["technique"]),
        device=DeviceInfo(**value["device"]),
        laser_nm=value["laser_nm"],
        resolution_cm1=value["resolution_cm1"],
        axis=_numbers(value["axis"], "axis"),
        sessions=tuple(Session(**one) for one in value["sessions"]),
        replicates=tuple(_replicate(one) for one in value["replicates"]),
        authenticated=value["authenticated"],
    )


def _replicate_json(one: Replicate) -> dict[str, Any]:
    lists = {name: list(getattr(one, name)) for name in ("history", "refused")}
    return {**_plain(one), "intensity": one.intensity.tolist(), **lists}


def _replicate(value: Any) -> Replicate:
    check_kinds(value, _REPLICATE, what="a replicate")
    for name in ("history", "refused"):
        if not all(isinstance(text, str) for text in value[name]):
            raise ValueError(f"the {name} of a replicate is no text")
    lists = {name: tuple(value[name]) for name in ("history", "refused")}
    return Replicate(**{**value, **lists, "intensity": _numbers(value["intensity"], "intensity")})


def _numbers(values: list[Any], name: str) -> FloatArray:
    if not all(type(one) in (int, float) for one in values):
        raise ValueError(f"its {name} holds what is no number")
    return frozen_array(np.array(values, dtype=np.float64), name=name)


def _plain(value: Any) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(value)}
