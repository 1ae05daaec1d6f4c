"""Film: a stretched axis is put right, bands that lie are set aside, and what is no film is refused."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.apply import calibrated_axis
from calibration.errors import CertificateInvalid, RecordDamaged, ScanUnfit
from calibration.film import calibrate_film
from calibration.film_table import PHARMACOPOEIA, FilmBand, FilmTable
from spectra.formats import decode
from spectra.values import DeviceInfo, Scan, Spectrum, Technique

#: Place, absorbance and full width of what a polystyrene film shows, roughly; the strong bands are no standards.
FILM = [
    (698.0, 2.6, 12.0),
    (757.0, 1.9, 14.0),
    (907.0, 0.35, 9.0),
    (1028.3, 0.55, 8.0),
    (1069.0, 0.2, 12.0),
    (1154.5, 0.16, 9.0),
    (1452.0, 2.3, 10.0),
    (1492.5, 2.4, 8.0),
    (1583.0, 0.28, 7.0),
    (1601.2, 0.85, 8.0),
    (1803.0, 0.12, 20.0),
    (1942.9, 0.14, 20.0),
    (2849.5, 0.7, 16.0),
    (2923.0, 2.4, 30.0),
    (3026.0, 2.2, 14.0),
    (3060.0, 1.0, 12.0),
    (3082.0, 0.7, 10.0),
]


def film(*, stretch=0.0, offset=0.0, noise=3e-4, seed=0, step=1.93, moved=(), thick=1.0):
    """A film on an axis that reads ``true·(1 + stretch) + offset``; bands in `moved` lie 6 cm⁻¹ too high."""
    axis = np.arange(450.0, 4000.0, step)
    true = (axis - offset) / (1 + stretch)
    drawn = np.full(axis.size, 0.05)
    for place, height, width in FILM:
        at = place + (6.0 if place in moved else 0.0)
        drawn += thick * height / (1 + (2 * (true - at) / width) ** 2)
    drawn += np.random.default_rng(seed).normal(0, noise, axis.size)
    return Spectrum(axis, drawn, Technique.FTIR)


@settings(max_examples=15, deadline=None)
@given(
    stretch=st.floats(-0.004, 0.004),
    offset=st.floats(-1.5, 1.5),
    seed=st.integers(0, 1 << 20),
    step=st.sampled_from((0.48, 0.96, 1.93)),
)
def test_a_stretched_axis_is_put_right(stretch, offset, seed, step):
    spectrum = film(stretch=stretch, offset=offset, seed=seed, step=step)
    found = calibrate_film(spectrum)
    c0, c1 = found.coefficients
    for true in (1000.0, 2000.0, 3000.0):
        seen = true * (1 + stretch) + offset
        assert c0 + c1 * seen == pytest.approx(true, abs=0.45)
    assert found.form == "shifts"
    assert found.rms < 0.6
    assert found.leave_one_out_rms < 1.0
    assert 0 < found.sigma_cm1 < 1.0


def test_the_outcome_serves_scans_of_the_device():
    spectrum = film(stretch=0.002)
    found = calibrate_film(spectrum)
    scan = Scan(
        technique=Technique.FTIR,
        counts=spectrum.intensity[None, :],
        device=DeviceInfo("M", "S"),
        exposure_s=0.0,
        taken_at="2026-11-22T12:00:00Z",
        axis=spectrum.axis,
    )
    axis, laser = calibrated_axis(scan, found)
    assert laser is None
    assert axis == pytest.approx(spectrum.axis / 1.002, abs=0.6)


def test_centroids_and_minima_agree_on_bands_alone():
    spectrum = film()
    minima = calibrate_film(spectrum)
    centroids = calibrate_film(spectrum, replace(PHARMACOPOEIA, method="centroid"))
    places = {line.reference: line.found for line in minima.lines}
    alone = [line for line in centroids.lines if line.reference in (1028.3, 1154.5, 1942.9, 2849.5)]
    assert len(alone) == 4
    assert all(line.found == pytest.approx(places[line.reference], abs=0.5) for line in alone)


def test_a_band_that_lies_is_set_aside():
    found = calibrate_film(film(moved=(1154.5,)))
    lying = [line for line in found.lines if line.reference == 1154.5]
    assert not lying or not lying[0].used
    assert found.rms < 0.6
    assert found.valid_range == (1028.3, 3060.0)


def test_a_certificate_of_the_film_in_hand_takes_the_place_of_the_shipped_table():
    bands = tuple(FilmBand(place, 0.3) for place in (906.8, 1028.3, 1154.5, 1583.0, 1601.2, 2849.5, 3060.0))
    own = FilmTable("unit 5", "centroid", bands, "certificate 5")
    assert FilmTable.from_json(own.to_json()) == own
    found = calibrate_film(film(), own)
    assert {line.standard for line in found.lines} == {"unit 5"}
    for broken in (bands[:4], bands[::-1], (*bands, FilmBand(3061.0, 0.3)), (*bands, FilmBand(3100.0, 0.0))):
        with pytest.raises(CertificateInvalid):
            FilmTable("own", "minimum", broken)
    for damage in ({"method": "guess"}, {"bands": [[1.0, 2.0]]}, {"extra": 1}, {"name": ""}):
        with pytest.raises(RecordDamaged):
            FilmTable.from_json({**own.to_json(), **damage})


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        (replace(film(), technique=Technique.RAMAN), "infrared"),
        (replace(film(), saturated=True), "saturated"),
        (film(noise=0.2), "were found|leave"),
        (film(thick=0.0), "were found|leave"),
        (film(thick=20.0), "were found|leave"),
        (film(stretch=0.03), "were found|leave"),
        (film(moved=(1154.5, 1583.0, 2849.5)), "were found|leave"),
        (replace(film(), axis=film().axis - 2000 + 1600), "covers|were found|leave"),
    ],
)
def test_scans_that_tell_no_axis_are_refused(scan, why):
    with pytest.raises(ScanUnfit, match=why):
        calibrate_film(scan)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["spa/absorb.spa", "misc/cheminfo-ir-spectrum/absorbance.spc"])
def test_real_films_lie_where_the_pharmacopoeias_have_them(name):
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data/vendor-files"
    measured = decode((folder / name).read_bytes(), name=name)[0].spectrum
    found = calibrate_film(measured)
    assert all(line.used for line in found.lines)
    assert len(found.lines) == 7
    assert max(abs(line.found - line.reference) for line in found.lines) < 0.75
    assert found.leave_one_out_rms < 0.4
    moved = calibrate_film(replace(measured, axis=measured.axis * 1.003 + 1.0))
    assert moved.coefficients[1] == pytest.approx(found.coefficients[1] / 1.003, abs=1e-5)


@pytest.mark.shared
def test_ethyl_benzene_is_no_film():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data/vendor-files/misc/cheminfo-ir-spectrum"
    measured = decode((folder / "transmittance.jdx").read_bytes(), name="t.jdx")[0].spectrum
    with pytest.raises(ScanUnfit):
        calibrate_film(measured)
