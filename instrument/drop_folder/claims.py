"""What a file says of device and measurement: claims, taken where the file states them, never guessed.

Field names of ENLIGHTEN, BWSpec and OPUS, and JCAMP-DX's own, are those of real files; the rest are
**unproven** names that exports commonly use.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from spectra.errors import FormatError
from spectra.formats import Decoded

from .answers import folded
from .source import Source

MAX_WORD = 128
_MODEL = ("model", "instrumentmodel", "devicemodel", "spectrometerdatasystem", "instrument", "ins")
_SERIAL = ("serialnumber", "serial", "instrumentserialnumber", "deviceserialnumber", "serialno", "srn")
_FIRMWARE = ("fwversion", "firmware", "firmwareversion", "vsn")
_TIMES = ("timestamp", "longdate", "date", "time", "acquired", "measured", "dat", "tim")
#: Exposure by field, with the factor to seconds; BWSpec writes "intigration".
_EXPOSURES = {
    "intigrationtimesms": 1e-3,
    "integrationtimesms": 1e-3,
    "integrationtimems": 1e-3,
    "exposuretimems": 1e-3,
    "exposures": 1.0,
}
_AVERAGES = ("scanaveraging", "averagenumber", "accumulations", "nss")
#: Fields that exist to name the item: any label may stand there.
_ITEMS = ("item", "itemid", "parcel", "parcelid", "sampleid", "sampleidentifier", "barcode")
#: Fields in which an operator may have typed it among other things: only a UPU S10 number counts there.
_WORDS = ("title", "label", "samplename", "sampledescription", "note", "snm")
_S10 = re.compile(r"\s*[A-Za-z]{2}\s?(?:[0-9]\s?){9}[A-Za-z]{2}\s*")
_NUMBER = re.compile(r"\s*[0-9]{1,9}(?:[.,][0-9]{1,9})?\s*")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a file says of its measurement."""

    model: str
    """Model of the device; empty where nobody says."""
    serial: str
    """Its serial number; empty where nobody says."""
    firmware: str
    """Its firmware; empty where the file does not say."""
    exposure_s: float
    """Exposure of one accumulation, s; 0 where the file does not say."""
    averages: int | None
    """Exposures the device averaged; None where the file does not say."""
    laser_mw: float | None
    """Laser power, mW; None where the file does not say."""
    time: str
    """When it was measured, by the device's clock and in its words: never trusted."""
    items: tuple[str, ...]
    """Texts that may be an item's identifier, as the file has them."""


def claims_of(decoded: Decoded, source: Source) -> Claims:
    """Return what a file says, completed by what a person stated of the device.

    Raises
    ------
    FormatError
        The file names another serial number than the one stated for the folder.
    """
    fields = folded(decoded.meta.items(), MAX_WORD)
    serial = _first(fields, _SERIAL)
    if serial and source.serial and serial.casefold() != source.serial.casefold():
        raise FormatError(f"the file is of device {serial!r}, the folder is that of {source.serial!r}")
    averages = _number(_first(fields, _AVERAGES))
    power = _number(fields.get("laserpowermw", ""))
    return Claims(
        model=_first(fields, _MODEL) or source.model,
        serial=serial or source.serial,
        firmware=_first(fields, _FIRMWARE),
        exposure_s=_exposure(fields, decoded.format),
        averages=int(averages) if averages is not None and averages >= 1 else None,
        laser_mw=power or None,
        time=" ".join(fields[name] for name in _TIMES if fields.get(name))[:MAX_WORD],
        items=_items(fields),
    )


def _exposure(fields: Mapping[str, str], form: str) -> float:
    if form == "ENLIGHTEN CSV":
        # "Integration Time" is in ms (github.com/WasatchPhotonics/ENLIGHTEN)
        return (_number(fields.get("integrationtime", "")) or 0.0) * 1e-3
    found = [(_number(fields[name]), scale) for name, scale in _EXPOSURES.items() if name in fields]
    return next((value * scale for value, scale in found if value is not None), 0.0)


def _items(fields: Mapping[str, str]) -> tuple[str, ...]:
    named = [fields[name] for name in _ITEMS if fields.get(name)]
    typed = [fields[name] for name in _WORDS if _S10.fullmatch(fields.get(name, ""))]
    return tuple(dict.fromkeys([*named, *typed]))


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None
