"""What ``opioscan calibrate`` was asked for, and whether it makes sense; nothing fires before it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UsageError
from .papers import one_line

if TYPE_CHECKING:
    from ..calibrating import Papers

Mode = Literal["rescue", "film", "device", "files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every calibration is asked for."""

    device: str
    """Name or URL; empty for files."""
    firing: dict[str, Any]
    """Exposure, accumulations, delay."""
    papers: "Papers"
    """What people say of it."""
    dry_run: bool
    """Whether no record is kept."""
    plot: Path | None
    """Where to draw it."""
    force: bool
    """Whether files may be replaced."""
    as_json: bool
    """Whether a program reads along."""

    def __post_init__(self) -> None:
        check_exposure(self.firing["exposure_s"])
        if self.plot is None:
            return
        if self.plot.suffix.lower() not in {".png", ".svg"}:
            raise UsageError(f"{self.plot.name}: pictures are drawn as .png or .svg")
        if self.plot.exists() and not self.force:
            raise UsageError(f"{self.plot} is there already: give --force to replace it")


def check_exposure(exposure: float | None) -> float | None:
    """Return an exposure that may be asked for, s; raises `UsageError`."""
    if exposure is not None and not 0.0 < exposure <= 600.0:
        raise UsageError(f"--exposure {exposure:g}: write more than 0 and at most 600 seconds")
    return exposure


def axis_asked(
    *,
    device: bool,
    lamps: Sequence[str],
    standard: str,
    check: str,
    files: tuple[Sequence[str], str, str],
    film: str,
    source: str,
    known: str,
    apply_to: Sequence[str],
) -> Mode:
    """Return which way of calibrating an axis was asked for.

    Raises
    ------
    UsageError
        None, several, or one that lacks a part; the message says which.
    """
    lamp_files, standard_file, check_file = files
    measured = bool(lamps or lamp_files or standard or standard_file or check or check_file)
    if sum((bool(source), bool(film), measured)) != 1:
        raise UsageError("say --lamp with --shift-standard, or --film, or --from with --known")
    if source:
        if not known:
            raise UsageError("--from: say with --known which substance it is")
        if device:
            raise UsageError("--from works on what was measured: leave --device out")
        return "rescue"
    if known or apply_to:
        raise UsageError("--known and --apply-to belong to --from")
    if film:
        if (film == "now") != device:
            raise UsageError("--film now goes with --device, --film FILE without")
        return "film"
    if not lamps or not standard:
        raise UsageError("an axis needs --lamp for its wavelengths and --shift-standard for its laser line")
    if device:
        if lamp_files or standard_file or check_file:
            raise UsageError("--device measures anew: leave the files out, or the device")
        return "device"
    if len(lamp_files) != len(lamps) or not standard_file or bool(check) != bool(check_file):
        raise UsageError("without --device each --lamp needs a --lamp-file, each standard its file")
    return "files"


def papers_of(
    operator: str,
    serial: str,
    valid_days: int,
    certificates: Sequence[str] | None,
    expiries: Sequence[str] | None,
    note: str,
) -> "Papers":
    """Return what people say of a calibration; raises `UsageError`."""
    from ..calibrating import Papers
    from .library_edit import person

    return Papers(
        operator=person(operator),
        serial=one_line(serial),
        valid_days=valid_days,
        certificates=_by_name("--certificate", certificates or ()),
        expiries=_by_name("--certificate-expires", expiries or ()),
        note=one_line(note),
    )


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a text with commas between; raises `UsageError`."""
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(f"--guess {text[:40]!r}: write numbers with commas between: 800.5,0.165") from None


def _by_name(option: str, words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, separator, text = one_line(word).partition("=")
        key, said = (name.strip().lower(), text.strip()) if separator else ("", name)
        if key in found or not said:
            raise UsageError(f"{option} {word!r}: one for each standard, as NAME=TEXT")
        found[key] = said
    return found
