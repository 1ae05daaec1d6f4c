"""Encoders of text sample files: part of the test kit `testing`."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ..values import FloatArray, Spectrum, Technique
from .testing_sample import ABSORBANCE, COUNTS, EVEN, LASER_NM, POINTS, UNEVEN, SampleFile
from .writing import encode_csv, encode_jcamp


def _rows(x: FloatArray, y: FloatArray, mark: str = "\t", *, comma: bool = False) -> str:
    text = "\n".join(f"{a:.6f}{mark}{b:.6f}" for a, b in zip(x, y, strict=True)) + "\n"
    return text.replace(".", ",") if comma else text


def _enlighten() -> SampleFile:
    head = f"ENLIGHTEN Version,4.1\nLaser Wavelength,{LASER_NM}\nPixel Count,{POINTS}\nLabel,sample\n\n"
    data = head + "Wavenumber,Processed\n" + _rows(UNEVEN, COUNTS, ",")
    return _raman("ENLIGHTEN CSV", data, laser_nm=LASER_NM)


def _bwspec(*, comma: bool) -> SampleFile:
    head = f"File Version;BWSpec4.11\nlaser_wavelength;{LASER_NM}\npixel_num;{POINTS + 2}\n"
    names = "Pixel;Raman Shift;Raw data #1;Dark Subtracted #1;\n"
    rows = [f"{n};   ;1000.0000;0.0000;\n" for n in range(2)]
    pairs = zip(UNEVEN, COUNTS, strict=True)
    rows += [f"{n + 2};{a:.6f};{b + 1000:.4f};{b:.4f};\n" for n, (a, b) in enumerate(pairs)]
    table = "".join(rows)
    data = head + names + (table.replace(".", ",") if comma else table)
    mark = "comma" if comma else "point"
    return _raman("BWSpec text", data, name=f"BWSpec text, decimal {mark}", laser_nm=LASER_NM)


def _oceanview(*, comma: bool) -> SampleFile:
    head = (
        "Data from sample.txt Node\n\nDate: Mon Oct 10 13:21:44 CEST 2016\nSpectrometer: QEP00001\n"
        f"XAxis mode: Raman Shifts\nNumber of Pixels in Spectrum: {POINTS}\n>>>>>Begin Spectral Data<<<<<\n"
    )
    name = f"OceanView text, decimal {'comma' if comma else 'point'}"
    return _raman("OceanView text", head + _rows(UNEVEN, COUNTS, comma=comma), name=name)


def _oceanview_nm() -> SampleFile:
    nanometres = 1e7 / (1e7 / LASER_NM - UNEVEN)
    head = (
        "Data from sample.txt Node\nXAxis mode: Wavelengths\n"
        f"Number of Pixels in Spectrum: {POINTS}\n>>>>>Begin Spectral Data<<<<<\n"
    )
    return SampleFile(
        "OceanView text in nm", "OceanView text", (head + _rows(nanometres, COUNTS)).encode(), UNEVEN,
        (COUNTS,), Technique.RAMAN, asks=True, laser_nm=LASER_NM, give_laser_nm=LASER_NM, text=True,
        tolerance=1e-6,
    )  # fmt: skip


def _openspecy() -> SampleFile:
    head = ",".join([*(f"{a:.6f}" for a in UNEVEN), "spectrum_type", "spectrum_identity", "license"])
    rows = [",".join([*(f"{b:.1f}" for b in y), "Raman", '"made, up"', "CC0"]) for y in (COUNTS, 2 * COUNTS)]
    data = "\n".join([head, *rows]) + "\n"
    return SampleFile(
        "Open Specy CSV", "Open Specy CSV", data.encode(), UNEVEN, (COUNTS, 2 * COUNTS), Technique.RAMAN,
        text=True, counted=False,
    )  # fmt: skip


def _rod() -> SampleFile:
    head = (
        "data_1\n_chemical_name_mineral 'made up'\n_publ_section_title\n;\n several lines\n;\n"
        f"_raman_measurement_device.excitation_laser_wavelength {LASER_NM:g}\n"
        f"_raman_measurement.range_max {UNEVEN[-1]:.3f}\nloop_\n_raman_spectrum.raman_shift\n"
        "_raman_spectrum.intensity\n"
    )
    data = head + _rows(UNEVEN, COUNTS, " ")
    return _raman("Raman Open Database", data, laser_nm=LASER_NM, counted=False)


def _asp() -> SampleFile:
    head = f"{POINTS}\n{EVEN[-1]:.6f}\n{EVEN[0]:.6f}\n1\n2\n4\n"
    data = head + "".join(f"{b!r}\n" for b in ABSORBANCE[::-1].tolist())
    return SampleFile(
        "Agilent ASP", "Agilent ASP", data.encode(), EVEN, (ABSORBANCE,), Technique.FTIR, asks=True, text=True
    )


def _columns(mark: str, name: str, *, comma: bool = False) -> SampleFile:
    data = f"wavenumber{mark}intensity\n" + _rows(UNEVEN, COUNTS, mark, comma=comma)
    return SampleFile(
        f"two-column text, {name}", "two-column text", data.encode(), UNEVEN, (COUNTS,), Technique.RAMAN,
        asks=True, text=True, counted=False,
    )  # fmt: skip


def _written(
    encode: Callable[[Spectrum], bytes], name: str, technique: Technique, *, counted: bool
) -> SampleFile:
    values = COUNTS if technique is Technique.RAMAN else ABSORBANCE
    axis = np.linspace(EVEN[0], EVEN[-1], POINTS) if counted else UNEVEN
    laser = LASER_NM if technique is Technique.RAMAN else None
    spectrum = Spectrum(axis, values, technique, laser_nm=laser, history=("made up",))
    return SampleFile(
        f"{name}, {technique}", name, encode(spectrum), axis, (values,), technique,
        laser_nm=laser, text=True, counted=counted,
    )  # fmt: skip


def _raman(
    format_name: str, data: str, *, name: str = "", laser_nm: float | None = None, counted: bool = True
) -> SampleFile:
    return SampleFile(
        name or format_name, format_name, data.encode(), UNEVEN, (COUNTS,), Technique.RAMAN,
        laser_nm=laser_nm, text=True, counted=counted,
    )  # fmt: skip


#: One sample each; calling makes it.
TEXT_SAMPLES: tuple[Callable[[], SampleFile], ...] = (
    _enlighten,
    partial(_bwspec, comma=True),
    partial(_bwspec, comma=False),
    partial(_oceanview, comma=True),
    partial(_oceanview, comma=False),
    _oceanview_nm,
    _openspecy,
    _rod,
    _asp,
    partial(_columns, ",", "commas"),
    partial(_columns, "\t", "tabs"),
    partial(_columns, ";", "semicolons and decimal commas", comma=True),
    *(
        partial(_written, partial(encode_jcamp, title="sample"), "JCAMP-DX", technique, counted=True)
        for technique in Technique
    ),
    *(partial(_written, encode_csv, "two-column text", technique, counted=False) for technique in Technique),
)
