"""Certified curves: values from outside, ranges, lasers, and certificates of one's own."""

import math

import numpy as np
import pytest

from calibration.errors import CertificateInvalid, RecordDamaged, UnknownStandard, WrongLaser
from calibration.srm import SRMS, Curve, certified, curve_of

#: Evaluated apart from this program when the constants were collected (facts/nist_srm.md).
TOLD = [
    ("2241", 1000.0, 0.3967),
    ("2241", 200.0, 0.1421),
    ("2241", 3500.0, 0.8472),
    ("2244", 1000.0, 0.9619),
    ("2242a", 1000.0, 0.2592),
    ("2245", 1000.0, 0.4249),
    ("2246a", 1000.0, 0.5837),
]


@pytest.mark.parametrize(("srm", "shift", "value"), TOLD)
def test_curves_have_the_values_told_elsewhere(srm, shift, value):
    assert certified(srm, np.array([shift]))[0] == pytest.approx(value, abs=6e-5)


def test_the_log_normal_form_is_that_of_the_certificate_written_out():
    h, w, rho, x0, m, b = SRMS["2246"].coefficients
    for x in (200.0, 1234.5, 2999.0):
        inner = math.log((x - x0) * (rho * rho - 1) / (w * rho) + 1)
        told = h * math.exp(-math.log(2) / math.log(rho) ** 2 * inner * inner) + m * x + b
        assert certified("2246", np.array([x]))[0] == pytest.approx(told, rel=1e-12)


@pytest.mark.parametrize("srm", sorted(SRMS))
def test_each_curve_peaks_at_one_and_ends_with_its_range(srm):
    low, high = SRMS[srm].range_cm1
    values = certified(srm, np.linspace(low, high, 2000))
    assert (values > 0).all()
    assert values.max() == pytest.approx(1.0, abs=0.005)
    assert np.isnan(certified(srm, np.array([low - 0.01, high + 0.01]))).all()
    assert certified(srm, np.full((2, 3), low)).shape == (2, 3)


def test_the_maximum_of_2241():
    shift = np.arange(200.0, 3501.0)
    assert shift[np.argmax(certified("2241", shift))] == 2723


def test_standards_are_found_by_any_of_their_names():
    for name in ("2241", "SRM 2241", "NIST SRM 2241", "srm2241", "nist-srm-2241".replace("nist-", "")):
        assert curve_of(name) is SRMS["2241"]
    assert curve_of("SRM 2242A") is SRMS["2242a"]
    for name in ("2242", "2243", "2241b", "", "neon"):
        with pytest.raises(UnknownStandard, match="2241, 2242a"):
            curve_of(name)


def test_a_standard_of_another_laser_is_refused():
    SRMS["2241"].check_laser(784.6)
    for laser in (532.0, 782.9, 787.1, None):
        with pytest.raises(WrongLaser, match="SRM 2241"):
            SRMS["2241"].check_laser(laser)


def test_an_own_certificate_takes_the_place_of_a_shipped_curve():
    own = Curve("SRM 2241 unit 77", 785.0, "polynomial", (0.1, 2e-4), (250.0, 3000.0), "certificate 77")
    again = Curve.from_json(own.to_json())
    assert again == own
    assert curve_of(again) is again
    assert certified(again, np.array([1000.0]))[0] == pytest.approx(0.3)
    assert np.isnan(certified(again, np.array([220.0])))[0]


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"laser_nm": 1.0},
        {"coefficients": ()},
        {"coefficients": (1.0, -0.01)},
        {"coefficients": (float("nan"),)},
        {"coefficients": tuple([0.1] * 13)},
        {"form": "log-normal"},
        {"form": "log-normal", "coefficients": (1.0, 100.0, 1.5, 9000.0, 0.0, 0.0)},
        {"range_cm1": (3000.0, 250.0)},
        {"range_cm1": (-5.0, 250.0)},
    ],
)
def test_constants_that_make_no_curve_are_refused(change):
    good = {
        "name": "own",
        "laser_nm": 785.0,
        "form": "polynomial",
        "coefficients": (0.1, 2e-4),
        "range_cm1": (250.0, 3000.0),
    }
    with pytest.raises(CertificateInvalid):
        Curve(**{**good, **change})
    with pytest.raises(RecordDamaged):
        Curve.from_json({"schema": "opioscan.srm/1", **good, **change})


def test_a_certificate_with_a_field_too_many_is_refused():
    told = curve_of("2244").to_json()
    for damage in ({"extra": 1}, {"schema": "x"}, {"coefficients": "1 2"}, {"range_cm1": [1.0]}):
        with pytest.raises(RecordDamaged):
            Curve.from_json({**told, **damage})
