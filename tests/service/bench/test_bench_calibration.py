"""Calibration scans over the bench agent: lamps without laser, standards with it, kept and nothing else."""

import json
import socket
from contextlib import closing
from typing import Any

import pytest

from service.bench.calibration_scan import coefficients_of, temperature_of
from service.bench.refusals import NotConfirmed
from service.errors import UsageError
from spectra.values import Role


def put(rig: Any, **message: Any) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(5)
        sock.connect(rig.spectrometer.about["control"])
        sock.sendall(json.dumps(message).encode() + b"\n")
        with sock.makefile("r") as answers:
            assert "error" not in json.loads(answers.readline())


def test_a_lamp_is_scanned_without_laser_and_without_questions(manned: Any, client: Any) -> None:
    rig = manned.rig
    put(rig, sample=None, lamp="neon")
    before = len(rig.lit())
    try:
        kept = client.calibration_scan("b1", "neon lamp", light="off", asked_on="terminal")
    finally:
        put(rig, lamp=None)
    assert all(power == 0 for _, power in rig.lit()[before:])
    scan = manned.archive.get(kept["scan_id"])
    assert (scan.role, scan.name, scan.item, scan.dark, scan.laser_mw) == (
        Role.CALIBRATION,
        "neon lamp",
        "",
        None,
        None,
    )
    assert scan.settings["light"] == "off"
    assert kept["device"] == f"{scan.device.model}/{scan.device.serial}"
    assert (kept["pixels"], kept["laser_nm"], kept["emulated"], kept["axis_unit"]) == (
        1024,
        785.0,
        True,
        "nm",
    )
    assert kept["coefficients"][0] == pytest.approx(800.7, abs=0.01)
    assert kept["temperature_c"] == pytest.approx(24.5, abs=1.0)
    assert not kept["saturated"]


def test_a_standard_needs_the_answers_that_any_light_needs(manned: Any, client: Any) -> None:
    manned.rig.put("polystyrene")
    with pytest.raises(NotConfirmed):
        client.calibration_scan("b1", "polystyrene", eyewear=False)
    kept = client.calibration_scan("b1", "polystyrene", accumulations=1)
    scan = manned.archive.get(kept["scan_id"])
    assert scan.dark is not None
    assert scan.laser_mw == 100.0
    assert scan.settings["standard"] == "polystyrene"
    assert not manned.rig.is_on


def test_unknown_fields_are_refused(client: Any) -> None:
    with pytest.raises(UsageError):
        client.calibration_scan("b1", "neon lamp", light="lamp")
    with pytest.raises(UsageError):
        client.calibration_scan("b1", "")


def test_what_a_device_tells_of_itself() -> None:
    assert coefficients_of({"wavelength_coefficients": [800.0, 0.1]}) == [800.0, 0.1]
    assert coefficients_of({"wavelength_coefficients": [800.0, 0.1], "binning": 1}) is None
    assert coefficients_of({}) is None
    assert temperature_of({"temperatures_c": {"0": 24.5, "1": 30.0}}) == 24.5
    assert temperature_of({"temperatures_c": [24]}) == 24.0
    assert temperature_of({"temperatures_c": {}}) is None
    assert temperature_of({}) is None
