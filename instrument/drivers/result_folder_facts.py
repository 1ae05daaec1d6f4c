"""What the file of an infrared measurement says about it, in words of our own, as JSON values."""

from typing import Any

from spectra.formats import Decoded

from ..interfaces import Setting
from .result_folder import FolderResult
from .result_folder_url import TIMEOUT_LIMITS_S

_ELSEWHERE = "set in the maker's program"
#: What can be set here, and what the last file told.
SETTINGS = (
    Setting("atr", "Sample is pressed on an ATR crystal", choices=("off", "on")),
    Setting("timeout_s", "Longest time a measurement may take", "s", *TIMEOUT_LIMITS_S),
    Setting("scans", f"Scans co-added, {_ELSEWHERE}", writable=False),
    Setting("resolution_cm1", f"Resolution, {_ELSEWHERE}", "cm⁻¹", writable=False),
    Setting("apodisation", f"Apodisation, {_ELSEWHERE}", writable=False),
    Setting("background", "What the file says of its background", writable=False),
    Setting("atmosphere", "CO₂ and water vapour against the background", writable=False),
)
#: Settings and the three-letter names OPUS has for them.
NUMBERS = {
    "resolution_cm1": "RES",
    "scans": "NSS",
    "zero_filling": "ZFF",
    "humidity_percent": "HUM",
    "scanner_c": "TSC",
}
WORDS = {
    "apodisation": "APF",
    "acquisition": "AQM",
    "accessory": "ACC",
    "source": "SRC",
    "detector": "DTC",
    "beam_splitter": "BMS",
    "aperture": "APT",
    "compensation": "TCL",
    "experiment": "EXP",
}
#: What the numbers in the file were, by what the reader made of them or the unit the file names.
UNITS = {"AB": "absorbance", "TR": "transmittance", "ScSm/ScRf": "single channels"}
#: Behind this word stands what a file says of its background.
_BACKGROUND = "background "


def facts_of(result: FolderResult) -> dict[str, Any]:
    """Return what is known of a measurement from its file; None for what the file does not say."""
    # Here, and not above: SciPy costs half a second that other devices need not wait for.
    from spectra.atmosphere import atmosphere_of

    decoded = result.decoded
    meta = decoded.meta
    facts: dict[str, Any] = {name: _number(meta.get(code)) for name, code in NUMBERS.items()}
    facts |= {name: meta.get(code) or None for name, code in WORDS.items()}
    if facts["resolution_cm1"] is None:
        facts["resolution_cm1"] = decoded.spectrum.resolution_cm1
    facts |= {
        "original_unit": _unit(decoded),
        "background": background_of(meta),
        "atmosphere": atmosphere_of(decoded.spectrum).described(),
        "history": list(decoded.spectrum.history),
        "file": {
            "name": result.original.name,
            "sha256": result.sha256,
            "format": result.original.format,
            "bytes": len(result.original.data),
            "time": _time(meta, ""),
        },
    }
    return facts


def no_facts() -> dict[str, Any]:
    """Return the same names before anything was measured, all None."""
    more = ("original_unit", "background", "atmosphere", "history", "file")
    return dict.fromkeys((*NUMBERS, *WORDS, *more))


def background_of(meta: dict[str, str]) -> dict[str, Any]:
    """Return what a file says of its background.

    Its age is the difference of two times of the same computer, and so right even where that computer's clock
    is wrong.
    """
    held = any(name.startswith(_BACKGROUND) for name in meta)
    taken, began = (_number(meta.get(f"{prefix}SRT")) for prefix in (_BACKGROUND, ""))
    return {
        "in_file": held,
        "taken": _time(meta, _BACKGROUND),
        "age_s": round(began - taken, 3) if taken is not None and began is not None else None,
        "scans": _number(meta.get(f"{_BACKGROUND}NSR") or meta.get("NSR")) if held else None,
        "resolution_cm1": _number(meta.get(f"{_BACKGROUND}RES")) if held else None,
    }


def start_of(meta: dict[str, str]) -> float | None:
    """Return when the measurement began by the instrument's computer, s; None where the file does not say."""
    return _number(meta.get("SRT"))


def _unit(decoded: Decoded) -> str | None:
    made_of = decoded.meta.get("result", "")
    said = decoded.meta.get("YUNITS", "")
    return UNITS.get(made_of) or said.lower() or None


def _time(meta: dict[str, str], prefix: str) -> str | None:
    words = [meta.get(f"{prefix}{name}", "") for name in ("DAT", "TIM")]
    if not any(words) and not prefix:
        words = [meta.get(name, "") for name in ("DATE", "TIME")]
    return " ".join(filter(None, words)) or None


def _number(text: str | None) -> float | None:
    if text and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    try:
        value = float(text or "")
    except ValueError:
        return None
    # Only what is finite is JSON.
    return value if abs(value) < 1e300 else None
