"""A reference entry as JSON: everything but its numbers, strictly written and strictly read."""

from typing import Any, get_type_hints

import numpy as np

from spectra.errors import SpectraError
from spectra.references import Authentication, Grade, ReferenceEntry, Substance
from spectra.values import FloatArray, Spectrum, Technique

from .errors import LibraryFormatError

_ENTRY_TEXTS = ("reference_id", "form", "instrument", "source", "licence")
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_ENTRY_TEXTS, str),
    "grade": str,
    "packaging": bool,
    "equivalents": list,
    "substance": dict,
    "technique": str,
    "laser_nm": (int, float, type(None)),
    "resolution_cm1": (int, float, type(None)),
    "saturated": bool,
    "history": list,
    "channels": int,
    "noise": bool,
}
_OPTIONAL: dict[str, type | tuple[type, ...]] = {"authentication": dict, "enhanced": bool}
_SUBSTANCE_KINDS: dict[str, type | tuple[type, ...]] = {
    name: {str: str, bool: bool}.get(hint, list) for name, hint in get_type_hints(Substance).items()
}
_GRADES = {str(one): one for one in Grade}
_KIND_OF_HINT: dict[Any, type | tuple[type, ...]] = {
    str: str,
    bool: bool,
    int: int,
    float | None: (int, float, type(None)),
}
_AUTHENTICATION_KINDS: dict[str, type | tuple[type, ...]] = {
    name: _KIND_OF_HINT.get(hint, list) for name, hint in get_type_hints(Authentication).items()
}


def entry_head(entry: ReferenceEntry) -> dict[str, Any]:
    """Return everything of an entry but its arrays, as JSON values.

    ``channels`` is the number of channels, ``noise`` whether they have a noise each. An entry without an
    authentication, or not enhanced, has no such field: it is written, and digested, as before there was one.
    """
    spectrum, substance = entry.spectrum, entry.substance
    described = {name: getattr(substance, name) for name in _SUBSTANCE_KINDS}
    vouched = entry.authentication
    return {
        **{name: getattr(entry, name) for name in _ENTRY_TEXTS},
        "grade": str(entry.grade),
        "packaging": entry.packaging,
        "equivalents": list(entry.equivalents),
        "substance": {**described, "synonyms": list(substance.synonyms)},
        "technique": str(spectrum.technique),
        "laser_nm": spectrum.laser_nm,
        "resolution_cm1": spectrum.resolution_cm1,
        "saturated": spectrum.saturated,
        "history": list(spectrum.history),
        "channels": int(spectrum.axis.size),
        "noise": spectrum.noise is not None,
        **({} if vouched is None else {"authentication": authentication_json(vouched)}),
        **({"enhanced": True} if entry.enhanced else {}),
    }


def authentication_json(authentication: Authentication) -> dict[str, Any]:
    """Return an authentication as JSON values."""
    described = {name: getattr(authentication, name) for name in _AUTHENTICATION_KINDS}
    lists = {name: list(getattr(authentication, name)) for name in ("operators", "scans")}
    return {**described, **lists}


def entry_of_head(
    head: Any,
    *,
    axis: FloatArray,
    intensity: FloatArray,
    noise: FloatArray | None,
    alike: dict[tuple[Any, ...], Spectrum] | None = None,
) -> ReferenceEntry:
    """Rebuild an entry from `entry_head` and its arrays.

    Parameters
    ----------
    alike
        Spectra of the same axes by kind, where all numbers were checked together before; it is added to.

    Raises
    ------
    LibraryFormatError
        A field is missing, unknown, of another kind or out of range.
    """
    _check_head(head)
    vouched = head.get("authentication")
    facts = {**head["substance"], "synonyms": _texts(head["substance"]["synonyms"], "synonyms")}
    try:
        history = _texts(head["history"], "history")
        names = ("technique", "laser_nm", "resolution_cm1", "saturated")
        kind = (*(head[name] for name in names), history, id(axis))
        known = None if alike is None else alike.get(kind)
        if known is not None:
            spectrum = Spectrum.like(known, intensity, noise)
        else:
            spectrum = Spectrum(
                axis=axis,
                intensity=intensity,
                technique=Technique(head["technique"]),
                noise=noise,
                laser_nm=_number(head["laser_nm"]),
                resolution_cm1=_number(head["resolution_cm1"]),
                saturated=head["saturated"],
                history=history,
            )
            if alike is not None:
                alike[kind] = spectrum
        return ReferenceEntry(
            reference_id=head["reference_id"],
            form=head["form"],
            instrument=head["instrument"],
            source=head["source"],
            licence=head["licence"],
            substance=Substance(**facts),
            spectrum=spectrum,
            grade=_GRADES.get(head["grade"]) or Grade(head["grade"]),
            packaging=head["packaging"],
            equivalents=_texts(head["equivalents"], "equivalents"),
            authentication=None if vouched is None else _authentication(vouched),
            enhanced=head.get("enhanced", False),
        )
    except (SpectraError, ValueError) as error:
        raise LibraryFormatError(f"entry {head['reference_id']!r:.80}: {error}") from error


#: Fields and types of heads that were found right: those of a library are mostly alike. Bounded.
_RIGHT: set[tuple[tuple[Any, ...], ...]] = set()
_MOST_RIGHT = 1000


def _check_head(head: Any) -> None:
    """Check the fields of an entry and its substance; one that is like another before it takes no time."""
    substance = head.get("substance") if isinstance(head, dict) else None
    if not isinstance(substance, dict):
        raise LibraryFormatError("an entry has no substance")
    alike = (
        tuple(head),
        tuple(map(type, head.values())),
        tuple(substance),
        tuple(map(type, substance.values())),
    )
    if alike in _RIGHT:
        return
    kinds = {**_KINDS, **{name: kind for name, kind in _OPTIONAL.items() if head.get(name) is not None}}
    check_kinds(head, kinds, what="an entry")
    check_kinds(substance, _SUBSTANCE_KINDS, what="a substance")
    if len(_RIGHT) < _MOST_RIGHT:
        _RIGHT.add(alike)


def _authentication(value: dict[str, Any]) -> Authentication:
    check_kinds(value, _AUTHENTICATION_KINDS, what="an authentication")
    lists = {name: _texts(value[name], name) for name in ("operators", "scans")}
    return Authentication(**{**value, **lists, "agreement": _number(value["agreement"])})


def check_kinds(value: Any, kinds: dict[str, type | tuple[type, ...]], *, what: str) -> None:
    """Raise `LibraryFormatError` unless a JSON object has exactly these fields of these types."""
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise LibraryFormatError(f"{what} does not have the fields it should")
    for name, kind in kinds.items():
        found = value[name]
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            raise LibraryFormatError(f"{what}: its {name} is of the wrong kind")


def _texts(values: list[Any], name: str) -> tuple[str, ...]:
    if values and not all(isinstance(value, str) for value in values):
        raise LibraryFormatError(f"an entry's {name} holds something that is not text")
    return tuple(values)


def _number(value: float | None) -> float | None:
    if value is None:
        return None
    if not np.isfinite(value):
        raise LibraryFormatError("an entry holds a number that is not finite")
    return float(value)
