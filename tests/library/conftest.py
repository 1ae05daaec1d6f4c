"""Entries and files to make libraries of."""

from pathlib import Path

import numpy as np
import pytest

from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import Spectrum, Technique
from tests.bars.release_lab import fitted_methods


@pytest.fixture(scope="session")
def make_entry():
    def make(name="Ibuprofen", *, number=0, noise=False, **more):
        axis = np.arange(300.0, 340.0 + number)
        intensity = np.sin(axis + number) + 1.5
        spectrum = Spectrum(
            axis=axis,
            intensity=intensity,
            technique=Technique.RAMAN,
            noise=np.full(axis.shape, 0.1) if noise else None,
            laser_nm=785.0,
            history=("made for a test",),
        )
        facts = {"cas": more.pop("cas", ""), "inchikey": more.pop("inchikey", "")}
        facts["synonyms"] = more.pop("synonyms", ())
        return ReferenceEntry(
            reference_id=more.pop("reference_id", f"raman-{name.lower()}-{number}"),
            substance=Substance(name=name, **facts),
            spectrum=spectrum,
            grade=more.pop("grade", Grade.MEASURED),
            **more,
        )

    return make


@pytest.fixture
def enlighten():
    """Return the text of a small ENLIGHTEN export."""

    def text(label="11_18_50 WP-01990", *, phase=0.0, laser=785.0):
        rows = [f"{i},{300 + i}.0,{100 + 50 * np.sin(i / 3 + phase):.3f}" for i in range(40)]
        head = f"ENLIGHTEN Version,4.1.44\nLabel,{label}\nModel,WP-785X\nSerial Number,WP-01990\n"
        head += f"Laser Wavelength,{laser}\nCropped,True\n"
        return head + "\nPixel,Wavenumber,Processed\n" + "\n".join(rows) + "\n"

    return text


@pytest.fixture
def jcamp():
    """Return the text of a small JCAMP-DX file."""

    def text(title="Cocaine HCl", *, more="", data_type="INFRARED SPECTRUM", shift=0):
        values = [1000 + 300 * ((7 * i + shift) % 11) for i in range(40)]
        lines = [f"{600 + 8 * i} " + " ".join(map(str, values[i : i + 10])) for i in range(0, 40, 10)]
        return (
            f"##TITLE={title}\n##JCAMP-DX=4.24\n##DATA TYPE={data_type}\n##ORIGIN=a laboratory\n##OWNER=nobody\n"
            f"{more}##XUNITS=1/CM\n##YUNITS=ABSORBANCE\n##FIRSTX=600\n##LASTX=912\n##DELTAX=8\n##XFACTOR=1.0\n"
            f"##YFACTOR=0.0001\n##NPOINTS=40\n##FIRSTY=0.1\n##XYDATA=(X++(Y..Y))\n"
            + "\n".join(lines)
            + "\n##END=\n"
        )

    return text


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "spectra"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def released_methods(tmp_path_factory):
    """Folder with three versions of a small method, to be released."""
    return fitted_methods(tmp_path_factory.mktemp("methods"), 3)
