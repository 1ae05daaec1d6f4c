"""Every measured file of makers' formats: decoded, compared with its text twin, or refused for a named reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from spectra.errors import FormatError, UnknownFormat
from spectra.formats import Decoded, decode
from spectra.formats.jcamp import table_of
from spectra.formats.jcamp_blocks import blocks_of
from spectra.formats.reading import text_of
from spectra.values import Technique

Array = NDArray[np.float64]
RAMAN, FTIR = Technique.RAMAN, Technique.FTIR

#: What a person who measured them would answer where a file does not say: technique, laser in nm.
KNOWN: dict[str, tuple[Technique, float | None]] = {
    "InViaReflex/PST_Reflex532_Z050_010_10000msx2.txt": (RAMAN, None),
    "Renishaw/nCal_Qontor785_z005H12_100_1x3s.txt": (RAMAN, None),
    "Witec/PST_WiICV532_Z050OP02_075_800msx10.txt": (RAMAN, None),
    "Zolix/PST02_Zolix785_Probe_070_190ms.txt": (RAMAN, None),
    "Zolix/lamp Ne 5ms.txt": (RAMAN, None),
    "Zolix/lamp Ne 7ms.txt": (RAMAN, None),
    "misc/pynxtools-raman/witec/txt/Si-wafer-Raman-Spectrum-1.txt": (RAMAN, 532.0),
    "misc/cheminfo-ir-spectrum/resolutionPro.spc": (FTIR, None),
    "misc/specio/plugins/tests/data/spc/single_file/gxy.spc": (RAMAN, None),
    "misc/specio/plugins/tests/data/spc/single_file/x-y.spc": (RAMAN, 532.0),
    "openspecy/ftir_ldpe_soil.asp": (FTIR, None),
    "openspecy/ftir_pva_without_header.csv": (FTIR, None),
    "openspecy/raman_atacamit.spc": (RAMAN, None),
    "openspecy/raman_hdpe.csv": (RAMAN, None),
}
#: Points and sum of the numbers, in the file's own unit, that another reader finds: spc-io 0.2.1 (SPC),
#: renishawWiRE 0.1.16 (WDF), spectrochempy 1.1.3 (SPA), brukeropus 1.4.3 (OPUS), specio 0.1 (SP).
SECOND_READER: dict[str, tuple[int, float]] = {
    "BWTEK/PST10_iR532_Probe_100_3000msx7.spc": (3808, 11405693.358032227),
    "InViaReflex/PST_Reflex532_Z050_010_10000msx2.spc": (2578, 5242436.213470459),
    "Renishaw/nCal_Qontor785_z005H12_100_1x3s.spc": (1021, 2474836.1951904297),
    "Renishaw/nCal_Qontor785_z005H12_100_1x3s.wdf": (1021, 2460496.6462860107),
    "Witec/PST_WITEcAlpha532_100x_075_10000ms_000_Spec.Data 1.spc": (1600, 1788555.0),
    "misc/cheminfo-ir-spectrum/absorbance.spc": (1776, 150493.73670387268),
    "misc/specio/core/tests/data/20170410EDL_L01_cell01_c1.spc": (1732, 276059.08081817627),
    "misc/specio/datasets/data/spectra.spc": (1911, 2388353.3538513184),
    "misc/specio/plugins/tests/data/spc/single_file/x-y.spc": (1024, 6948766.0),
    "misc/specio/datasets/data/spectra.sp": (3301, 117.16218877705974),
    "openspecy/raman_atacamit.spc": (559, 45521.99993228912),
    "openspecy/ftir_ps.0": (2126, 63.62365629244596),
    "test_opus.0": (4096, 26.041679148751427),
    "spa/Cyclohexane Contaminated - Low.SPA": (1738, 317.9952884009472),
    "spa/EVA Out Of Specifications 32%.SPA": (6950, 664941.9451026917),
    "spa/absorb.spa": (1868, 369.18841537833214),
    "spa/advatrref.SPA": (1868, 129.87806834260164),
    "spa/atrcor.spa": (1738, 105649.31659573999),
}
#: Groups of JCAMP files that hold one spectrum in several forms.
SAME = (
    ("o01.jdx", "o02.jdx", "o03.jdx", "o04.jdx", "o05.jdx"),
    ("BRUKAFFN.DX", "BRUKPAC.DX", "BRUKSQZ.DX", "TEST32.DX"),
    ("BRUKDIF.DX", "TESTSPEC.DX"),
    ("pacdec1.jdx", "PE1800.DX"),
)
#: TESTSPEC's YFACTOR has seven digits; of pacdec1 and PE1800 one is in per cent: compared as shape.
ROUNDED = 1e-5
#: By how much of its neighbours' range a number of BWSpec's SPC may lie outside them: it is interpolated by
#: curves, which overshoot (up to 17 % in the measured file, at bands by 14 %).
OVERSHOOT = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file."""

    path: str
    """Below the folder of files."""
    found: tuple[Decoded, ...]
    """Its spectra; empty where it was refused."""
    asked: str
    """What the reader asked for before it read; empty where it did not."""
    refused: str
    """Why it was refused; empty where it was not."""
    named: bool
    """False where the reason names nothing, only that the format is unknown."""
    check: str
    """What its numbers were compared with."""
    wrong: str
    """What is wrong with it; empty where nothing is."""

    def row(self) -> list[str]:
        """Return the row of the table."""
        if self.refused:
            return [self.path, "", "", "", f"refused: {self.refused}"]
        points = ", ".join(str(one.spectrum.axis.size) for one in self.found[:3])
        points += f", … ({len(self.found)} spectra)" if len(self.found) > 3 else ""
        said = (
            f"{'WRONG: ' + self.wrong if self.wrong else 'read'}; {self.check or 'nothing to compare with'}"
        )
        return [self.path, self.found[0].format, points, self.asked, said]


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Decode every file below a folder, and compare it with whatever else is known of it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".md":
            yield outcome(folder, path)


def outcome(folder: Path, path: Path) -> Outcome:
    """Decode one file; where it asks, answer from `KNOWN`."""
    name = str(path.relative_to(folder))
    data = path.read_bytes()
    asked, found, refused, named = "", (), "", True
    try:
        found = decode(data, name=path.name)
    except FormatError as error:
        refused = str(error).removeprefix(f"{path.name}: ")
        named = not (isinstance(error, UnknownFormat) and "no format read here" in refused)
    if name in KNOWN and "give --technique" in refused:
        asked = "technique"
        technique, laser = KNOWN[name]
        try:
            found, refused = decode(data, name=path.name, technique=technique, laser_nm=laser), ""
            asked += " and laser" if laser else ""
        except FormatError as error:
            refused = str(error).removeprefix(f"{path.name}: ")
    check, wrong = compared(folder, name, found) if found else ("", "")
    return Outcome(name, tuple(found), asked, refused, named, check, wrong)


def compared(folder: Path, name: str, found: tuple[Decoded, ...]) -> tuple[str, str]:
    """Return with what numbers were compared, and what is wrong with them (empty: nothing)."""
    wrong, checks = [], []
    if name in TWINS:
        text, compare = TWINS[name]
        difference = compare(found[0], table(folder / text))
        words = (compare.__doc__ or "").split(":")[0]
        checks.append(
            f"{words[0].lower()}{words[1:]} {'an independent parse' if text == name else Path(text).name}"
        )
        wrong += [difference] if difference else []
    if name in SECOND_READER:
        points, total = SECOND_READER[name]
        got = as_in_file(found[0])
        checks.append("sum as another reader's")
        if got.size != points or abs(got.sum() - total) > 1e-6 * abs(total):
            wrong.append(f"{got.size} points, sum {got.sum():g}; another reader: {points}, {total:g}")
    if found[0].format == "JCAMP-DX":
        checks.append("its own y-checks and FIRSTY")
    return " and ".join(checks), "; ".join(wrong)


def as_in_file(one: Decoded) -> Array:
    """Return intensities in the unit they have in the file: transmittance was read as per cent."""
    y = one.spectrum.intensity
    if any("per cent, converted" in step for step in one.spectrum.history):
        return np.asarray(100 * 10**-y)
    return y


@dataclass(frozen=True, slots=True)
class Table:
    """Two columns of a text, read by nothing but ``float``."""

    x: Array
    y: Array
    dx: Array
    """Half of the last digit written."""
    dy: Array


def table(path: Path) -> Table:
    """Read the two columns of a text, lines that are no two numbers left out."""
    cells = []
    lines = path.read_text("latin-1").split("\n")
    if path.suffix == ".txt" and lines[0].startswith("File Version;BW"):
        rows = (line.replace(",", ".").split(";") for line in lines)
        cells = [[row[3], row[7]] for row in rows if len(row) > 8 and row[0].isdigit() and row[3].strip()]
    elif path.suffix == ".asp":
        n, first, last = int(lines[0]), float(lines[1]), float(lines[2])
        cells = [[repr(x), y] for x, y in zip(np.linspace(first, last, n).tolist(), lines[6:], strict=False)]
    else:
        for line in lines:
            pair = line.replace(",", " ").split()
            if len(pair) == 2 and _is_number(pair[0]) and _is_number(pair[1]):
                cells.append(pair)
    numbers = np.array(cells, dtype=float)
    halves = np.array([[half_digit(cell) for cell in row] for row in cells])
    order = np.argsort(numbers[:, 0])
    return Table(numbers[order, 0], numbers[order, 1], halves[order, 0], halves[order, 1])


def half_digit(cell: str) -> float:
    """Return half of the last digit of a number as written."""
    mantissa, _, exponent = cell.strip().lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    return float(0.5 * 10.0 ** (int(exponent or 0) - digits))


def equal(one: Decoded, text: Table) -> str:
    """Number by number with: the last digit of the text, or of single precision."""
    x, y = one.spectrum.axis, one.spectrum.intensity
    if x.size != text.x.size:
        return f"{x.size} points, the text has {text.x.size}"
    far = (np.abs(x - text.x) > text.dx + 1e-7 * np.abs(x)) | (
        np.abs(y - text.y) > text.dy + 1e-7 * np.abs(y)
    )
    return f"{int(far.sum())} numbers differ" if far.any() else ""


def interpolated(one: Decoded, text: Table) -> str:
    """Interpolated linearly to the file's even axis from: WiRE resamples for SPC; to the text's precision."""
    x, y = one.spectrum.axis, one.spectrum.intensity
    expected = np.interp(x, text.x, text.y)
    steep = np.abs(np.diff(text.y) / np.diff(text.x))
    at = np.clip(np.searchsorted(text.x, x) - 1, 0, steep.size - 1)
    # A knot moved by its rounding moves the line by at most the steepest neighbour's slope times that.
    near = np.max([steep[np.clip(at + k, 0, steep.size - 1)] for k in (-1, 0, 1)], axis=0)
    # WiRE calculates the even axis in single precision.
    moved = 2 * text.dx[at] + float(np.spacing(np.float32(np.abs(x).max())))
    allowed = text.dy[at] + moved * near + 1e-6 * np.abs(y)
    far = int((np.abs(y - expected) > allowed).sum())
    return f"{far} numbers beyond the text's precision" if far else ""


def resampled(one: Decoded, text: Table) -> str:
    """Resampled to 1 cm⁻¹ by a rule BWSpec keeps to itself from: as a curve, not number by number."""
    x, y = one.spectrum.axis, one.spectrum.intensity
    at = np.searchsorted(text.x, x)
    around = np.array([text.y[np.clip(at + k, 0, text.y.size - 1)] for k in (-2, -1, 0, 1)])
    low, high = around.min(axis=0), around.max(axis=0)
    room = OVERSHOOT * (high - low) + 1.0
    outside = int(((y < low - room) | (y > high + room)).sum())
    alike = float(np.corrcoef(CubicSpline(text.x, text.y)(x), y)[0, 1])
    return "" if outside == 0 and alike > 0.9999 else f"{outside} numbers outside, correlation {alike:.5f}"


def in_nanometres(one: Decoded, text: Table) -> str:
    """Intensities equal, axis that of the laser, number by number with: wavelengths of."""
    shift = 1e7 / (one.spectrum.laser_nm or 0.0) - 1e7 / text.x
    if not np.array_equal(one.spectrum.intensity, text.y):
        return "intensities differ"
    return "" if np.abs(one.spectrum.axis - shift).max() < 1e-6 else "axes differ"


def rounded_axis(one: Decoded, text: Table) -> str:
    """Intensities equal, axis rounded to whole cm⁻¹ in the file itself, beside: an Open Specy export."""
    x, y = one.spectrum.axis, one.spectrum.intensity
    if not np.array_equal(y, text.y):
        return "intensities differ"
    return "" if np.abs(x - text.x).max() <= 0.5 else "axis differs by more than its rounding"


def jcamp_groups(folder: Path) -> list[tuple[str, str]]:
    """Return for each group of `SAME` its names, and how the numbers differ (empty: not)."""
    return [(", ".join(names), _group_difference(folder / "jcamp", names)) for names in SAME]


def _group_difference(folder: Path, names: tuple[str, ...]) -> str:
    found = []
    for name in names:
        (path,) = folder.rglob(name)
        blocks = blocks_of(text_of(path.read_bytes()).split("\n"))
        found += [table_of(block) for block in blocks if "XYDATA" in block.records]
    for one, other in pairwise(found):
        if not np.array_equal(one[0], other[0]):
            return "axes differ"
        scale = one[1].max() / other[1].max()
        if np.abs(one[1] - scale * other[1]).max() > ROUNDED * np.abs(one[1]).max():
            return f"numbers differ by {np.abs(one[1] - scale * other[1]).max():g}"
    return "" if len(found) == len(names) else f"{len(found)} tables in {len(names)} files"


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


#: File → the text that holds the same measurement, and how they compare.
TWINS: dict[str, tuple[str, Callable[[Decoded, Table], str]]] = {
    "BWTEK/PST10_iR532_Probe_100_3000msx7.spc": ("BWTEK/PST10_iR532_Probe_100_3000msx7.txt", resampled),
    "InViaReflex/PST_Reflex532_Z050_010_10000msx2.spc": (
        "InViaReflex/PST_Reflex532_Z050_010_10000msx2.txt", interpolated,
    ),
    "Renishaw/nCal_Qontor785_z005H12_100_1x3s.spc": ("Renishaw/nCal_Qontor785_z005H12_100_1x3s.txt", interpolated),
    "Renishaw/nCal_Qontor785_z005H12_100_1x3s.wdf": ("Renishaw/nCal_Qontor785_z005H12_100_1x3s.txt", equal),
    "openspecy/raman_hdpe_os.csv": ("openspecy/raman_hdpe.csv", rounded_axis),
    "misc/pynxtools-raman/witec/txt/Si-wafer-Raman-Spectrum-1.txt": (
        "misc/pynxtools-raman/witec/txt/Si-wafer-Raman-Spectrum-1.txt", in_nanometres,
    ),
    **{
        name: (name, equal)
        for name in (
            "BWTEK/PST10_iR532_Probe_100_3000msx7.txt", "BWTEK/lamp Ne 10ms 0%.txt", "BWTEK/lamp Ne 20 ms 0%.txt",
            "iRaman/PST02_iRPlus785_Z050_075_3200ms.txt", "InViaReflex/PST_Reflex532_Z050_010_10000msx2.txt",
            "Renishaw/nCal_Qontor785_z005H12_100_1x3s.txt", "Witec/PST_WiICV532_Z050OP02_075_800msx10.txt",
            "Zolix/PST02_Zolix785_Probe_070_190ms.txt", "Zolix/lamp Ne 5ms.txt", "Zolix/lamp Ne 7ms.txt",
            "misc/pynxtools-raman/database/rod/rod_file_1000679.rod", "openspecy/ftir_ldpe_soil.asp",
            "openspecy/ftir_pva_without_header.csv", "openspecy/raman_hdpe.csv",
        )
    },
}  # fmt: skip
