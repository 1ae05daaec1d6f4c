"""Files that say one thing and hold another are refused or asked about, whichever format they are in."""

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.formats.testing_binary import encode_sp, encode_spa
from spectra.formats.testing_sample import ABSORBANCE, EVEN
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
        table("wavenumber,intensity", 100 * FRACTION),
    ],
    ids=["jcamp", "columns", "columns without a unit"],
)
def test_absorbance_that_is_none_is_refused(data):
    with pytest.raises(FormatError, match="is none: transmittance in per cent, or counts"):
        decode(data, technique=Technique.FTIR)
