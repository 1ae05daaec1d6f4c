"""Files that say one thing and hold another are refused or asked about, whichever format they are in."""

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.formats.testing_binary import encode_old_spc, encode_sp, encode_spa, encode_spc, encode_wdf
from spectra.formats.testing_sample import ABSORBANCE, COUNTS, EVEN
from spectra.values import Technique

FRACTION = 10**-ABSORBANCE


def jcamp(y, y_unit, *, x_unit="1/CM", kind="INFRARED SPECTRUM", x=EVEN, ends=True):
    rows = "\n".join(f"{a!r}, {b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    first_last = f"##FIRSTX={x[0]}\n##LASTX={x[-1]}\n" if ends else ""
    return (
        f"##TITLE=made up\n##JCAMP-DX=4.24\n##DATA TYPE={kind}\n##XUNITS={x_unit}\n##YUNITS={y_unit}\n"
        f"{first_last}##NPOINTS={x.size}\n##XFACTOR=1\n##YFACTOR=1\n##XYPOINTS=(XY..XY)\n{rows}\n##END=\n"
    ).encode()


def table(head, y, x=EVEN, mark=","):
    rows = "\n".join(f"{a!r}{mark}{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return f"{head}\n{rows}\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        jcamp(FRACTION, "% TRANSMITTANCE"),
        table("cm-1,%T", FRACTION),
        encode_spa(EVEN[::-1], FRACTION[::-1], y_unit=16),
        encode_sp(EVEN[::-1], FRACTION[::-1], y_label=b"%T"),
    ],
    ids=["jcamp", "columns", "spa", "sp"],
)
def test_per_cent_that_is_a_fraction_is_refused(data):
    with pytest.raises(FormatError, match="called per cent, but reaches only"):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        jcamp(100 * FRACTION, "ABSORBANCE"),
        table("wavenumber,absorbance", 100 * FRACTION),
    ],
    ids=["jcamp", "columns"],
)
def test_absorbance_that_is_none_is_refused(data):
    with pytest.raises(FormatError, match="is none: transmittance in per cent, or counts"):
        decode(data, technique=Technique.FTIR)


@pytest.mark.parametrize("name", ["intensity", "signal", "counts"])
def test_an_infrared_column_that_names_no_unit_is_looked_at(name):
    with pytest.raises(FormatError, match="look like transmittance, not absorbance"):
        decode(table(f"wavenumber,{name}", FRACTION), technique=Technique.FTIR)
    (found,) = decode(table(f"wavenumber,{name}", ABSORBANCE), technique=Technique.FTIR)
    assert found.spectrum.intensity.tolist() == ABSORBANCE.tolist()


def test_renishaws_wave_may_be_a_wavelength():
    nanometres = 1e7 / (1e7 / 785 - EVEN)
    with pytest.raises(FormatError, match="may be nm or cm-1"):
        decode(table("#Wave\t#Intensity", ABSORBANCE, nanometres, "\t"), technique=Technique.RAMAN)
    assert decode(table("#Wave\t#Intensity", ABSORBANCE, mark="\t"), technique=Technique.RAMAN)


QUOTED = "\n".join(f'"{a!r}","{b!r}"' for a, b in zip(EVEN.tolist(), ABSORBANCE.tolist(), strict=True))


@pytest.mark.parametrize(
    "data",
    [
        table("1/cm,Absorbance", ABSORBANCE),
        table("Sample 1,,\ncm-1,A", ABSORBANCE),
        table('"1/cm";"Absorbance"', ABSORBANCE, mark=";"),
        f'"wavenumber","absorbance"\n{QUOTED}\n'.encode(),
    ],
    ids=["1/cm", "Perkin-Elmer", "quoted names", "quoted cells"],
)
def test_names_and_cells_as_programs_write_them(data):
    (found,) = decode(data)
    assert found.spectrum.technique is Technique.FTIR
    assert found.spectrum.intensity.tolist() == ABSORBANCE.tolist()


def test_decimal_commas_in_quotation_marks():
    rows = "\n".join(f'"{a:.1f}|{b:.4f}"' for a, b in zip(EVEN, ABSORBANCE, strict=True))
    data = "Raman shift,Intensity\n" + rows.replace(".", ",").replace("|", '","')
    (found,) = decode(data.encode())
    np.testing.assert_allclose(found.spectrum.intensity, np.round(ABSORBANCE, 4))
    with pytest.raises(FormatError, match="between thousands"):
        decode(b'Raman shift,Intensity\n"400","1,000"\n"401","2,000"\n')


def test_labspec_headers_name_no_columns():
    data = table(
        "#Acq. time (s)=\t1\n#Instrument=\tLabRAM HR Evol\n#Laser=\t532nm_Edge", ABSORBANCE, mark="\t"
    )
    with pytest.raises(FormatError, match="give --technique"):
        decode(data)
    (found,) = decode(data, technique=Technique.RAMAN)
    assert found.meta["Instrument"] == "LabRAM HR Evol"
    assert found.spectrum.axis.tolist() == EVEN.tolist()


def test_a_raman_axis_in_absolute_wavenumbers_is_refused():
    x = 9395.0 - EVEN[::-1]
    for data in (
        jcamp(ABSORBANCE, "COUNTS", kind="RAMAN SPECTRUM", x=x),
        table("wavenumber,counts", ABSORBANCE, x),
    ):
        with pytest.raises(FormatError, match="absolute wavenumbers"):
            decode(data, technique=Technique.RAMAN)


@pytest.mark.parametrize(
    ("x_unit", "y_unit", "kind"),
    [
        ("RAMAN SHIFT (CM^-1)", "Intensity (a.u.)", "RAMAN SPECTRUM"),
        ("Raman Shift / cm⁻¹", "Raman Intensity (counts)", "RAMAN SPECTRUM"),
        ("1/cm Raman shift", "arb. units", "RAMAN SPECTRUM"),
        ("Wavenumbers [cm-1]", "Absorbance (a.u.)", "INFRARED SPECTRUM"),
        ("Wavenumber (cm^-1)", "ABSORBANCE UNITS", "FTIR"),
        ("RECIPROCAL CENTIMETERS", "A", "IR"),
    ],
)
def test_units_as_jcamp_writers_spell_them(x_unit, y_unit, kind):
    (found,) = decode(jcamp(ABSORBANCE, y_unit, x_unit=x_unit, kind=kind))
    assert found.spectrum.axis.tolist() == EVEN.tolist()
    assert found.spectrum.intensity.tolist() == ABSORBANCE.tolist()


@pytest.mark.parametrize(
    ("x_unit", "y_unit"),
    [("1/CM^2", "ABSORBANCE"), ("PPM", "ABSORBANCE"), ("1/CM", "INTENSITY (%)"), ("1/CM", "ABSORBANCE (%)")],
)
def test_units_that_are_something_else_are_refused(x_unit, y_unit):
    with pytest.raises(FormatError, match="is no unit|is not read"):
        decode(jcamp(ABSORBANCE, y_unit, x_unit=x_unit))


def test_pairs_need_no_ends():
    (found,) = decode(jcamp(ABSORBANCE, "ABSORBANCE", ends=False))
    assert found.spectrum.axis.tolist() == EVEN.tolist()
    with pytest.raises(FormatError, match="FIRSTX"):
        decode(jcamp(ABSORBANCE, "ABSORBANCE").replace(b"##FIRSTX=400.0", b"##FIRSTX=500.0"))


@pytest.mark.parametrize(
    "label", [b"Reflectance", b"% Reflectance", b"Log(1/R)", b"Kubelka-Munk", b"Single Beam"]
)
def test_spc_labels_that_are_no_absorbance_win_over_the_code(label):
    labels = b"Wavenumber (cm-1)\0" + label
    with pytest.raises(FormatError, match="intensities labelled"):
        decode(encode_spc(EVEN, (ABSORBANCE,), x_type=1, y_type=2, flags=32, labels=labels))


@pytest.mark.parametrize("label", [b"Raman Shift (1/cm)", b"Raman shift"])
def test_spc_labels_as_programs_write_them(label):
    labels = label + b"\0Intensity"
    (found,) = decode(encode_spc(EVEN, (COUNTS,), x_type=0, y_type=0, flags=32, labels=labels))
    assert found.spectrum.technique is Technique.RAMAN


def test_old_spc_in_16_bits_is_refused_for_what_it_is():
    data = bytearray(encode_old_spc(EVEN, (COUNTS, COUNTS), 16)[:-3])
    data[0] |= 1
    with pytest.raises(FormatError, match="16-bit"):
        decode(bytes(data))


def enlighten(field, value, rows=EVEN.size):
    head = f"ENLIGHTEN Version,4.0.46\nLaser Wavelength,785.0\nPixel Count,{EVEN.size}\n{field},{value}\n\n"
    return table(f"{head}Wavenumber,Processed", COUNTS[:rows], EVEN[:rows])


@pytest.mark.parametrize(
    ("field", "value"),
    [("Technique", "Absorbance"), ("Technique", "Reflectance/Transmission"), ("View", "Relative Irradiance")],
)
def test_enlighten_measures_other_things_too(field, value):
    with pytest.raises(FormatError, match="no Raman spectrum"):
        decode(enlighten(field, value))


def test_enlighten_before_41_called_cropped_vignetted():
    (found,) = decode(enlighten("Vignetted", "True", 50))
    assert found.spectrum.axis.size == 50
    with pytest.raises(FormatError, match="cut off"):
        decode(enlighten("Vignetted", "False", 50))


def test_wire_may_claim_two_bytes_too_many_at_its_end():
    data = encode_wdf(EVEN[::-1], [COUNTS[::-1]])
    (found,) = decode(data[:-2])
    assert found.spectrum.intensity.tolist() == COUNTS.tolist()
    with pytest.raises(FormatError, match="cut off"):
        decode(data[:-20])


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [(564 + 4, 2, "an interferogram"), (294, 247, "a group"), (564 + 8, 15, "a single beam")],
)
def test_omnic_files_that_are_no_spectrum(at, value, words):
    data = bytearray(encode_spa(EVEN[::-1], ABSORBANCE[::-1]))
    data[at] = value
    with pytest.raises(FormatError, match=words):
        decode(bytes(data))


@pytest.mark.parametrize(
    "title", ["4-ANPP base", "2-Propanol;lot 3", "2026-11-22 09:10", '"3-methylfentanyl"']
)
def test_titles_that_begin_with_a_digit_are_titles(title):
    (found,) = decode(table(f"{title}\nRaman shift,Intensity", COUNTS))
    assert found.spectrum.axis.tolist() == EVEN.tolist()


def test_names_of_a_substance_may_stand_one_a_line():
    data = jcamp(ABSORBANCE, "ABSORBANCE").replace(
        b"##XUNITS", b"##NAMES=\n4-ANPP;\ndespropionyl fentanyl\n##XUNITS", 1
    )
    (found,) = decode(data)
    assert found.meta["NAMES"] == "4-ANPP; despropionyl fentanyl"


def test_an_infrared_spectrum_has_no_raman_shift():
    with pytest.raises(FormatError, match="contradicts itself"):
        decode(jcamp(ABSORBANCE, "ABSORBANCE", x_unit="RAMAN SHIFT (CM-1)"))


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\r\r\n"])
def test_line_ends_of_any_system(end):
    (found,) = decode(table("Raman shift,Intensity", COUNTS).replace(b"\n", end))
    assert found.spectrum.intensity.tolist() == COUNTS.tolist()
