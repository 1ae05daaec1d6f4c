"""What is read out of a dropped file and its reports, and what is not."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.apply import spectrum_of
from calibration.errors import UncalibratedScan
from calibration.in_force import InForce
from calibration.outcomes import AxisOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from instrument.drop_folder import Arrival, Source, arrival_scans
from instrument.drop_folder.answers import answer_in, answer_in_report
from instrument.drop_folder.arrivals import ArrivedFile
from instrument.drop_folder.claims import claims_of
from instrument.drop_folder.decoding import (
    IN_PROCESS,
    MAX_SPECTRA,
    decode_file,
    decode_in_child,
    packed,
    unpacked,
)
from instrument.drop_folder.keeping import digest_of, plain_name
from spectra.errors import FormatError, UnknownFormat
from spectra.formats import Decoded, decode, encode_csv, encode_jcamp
from spectra.values import Spectrum, Technique

SOURCE = Source(Path("/mnt/export"), url="folder:///mnt/export", technique=Technique.RAMAN)


def enlighten(**header):
    """Return an export in the layout of ENLIGHTEN 4.1, with synthetic numbers."""
    fields = {
        "ENLIGHTEN Version": "4.1.44",
        "Serial Number": "WP-00001",
        "Model": "WP-785X",
        "Label": "run 7",
        "Declared Match": "Unknown",
        "Declared Score": "0",
        "Scan Averaging": "3",
        "Integration Time": "1500",
        "Laser Power mW": "",
        "FW Version": "1.0",
        "Timestamp": "2014-01-01 00:00:07",
        "Laser Wavelength": "784.9",
        "Pixel Count": "400",
    } | {key.replace("_", " "): value for key, value in header.items()}
    rows = [f"{key},{value}" for key, value in fields.items()]
    axis = np.linspace(300, 2000, 400)
    counts = 500 + 400 * np.exp(-(((axis - 1001) / 6) ** 2))
    table = [f"{i},{x:.2f},{y:.2f}" for i, (x, y) in enumerate(zip(axis, counts, strict=True))]
    return "\n".join([*rows, "", "Pixel,Wavenumber,Processed", *table, ""]).encode()


def arrived(*files):
    held = [ArrivedFile(name, digest_of(data), data, 10**18) for name, data in files]
    return Arrival("id", tuple(held), "2026-11-21T12:00:00Z", "synchronised")


def one_scan(*files, source=SOURCE):
    (found,) = arrival_scans(arrived(*files), source).scans
    return found


def test_a_file_becomes_a_frozen_scan_on_its_own_axis():
    found = one_scan(("run7.csv", enlighten(Laser_Power_mW="98.5")))
    scan = found.scan
    assert (scan.axis_unit, scan.technique, scan.laser_nm) == ("cm-1", Technique.RAMAN, 784.9)
    assert scan.counts.shape == (1, 400)
    assert scan.axis[0] == 300
    assert (scan.device.model, scan.device.serial, scan.device.firmware) == ("WP-785X", "WP-00001", "1.0")
    assert scan.device.url == "folder:///mnt/export"
    assert (scan.exposure_s, scan.laser_mw) == (1.5, 98.5)
    assert (scan.taken_at, scan.clock) == ("2026-11-21T12:00:00Z", "synchronised")
    said = scan.settings["file"]
    assert said["claimed_time"].startswith("2014-01-01 00:00:07"), "a claim, and nothing but a claim"
    assert said["claimed_written"] == "2001-09-09T01:46:40Z"
    assert said["averages"] == 3
    assert said["header"]["Label"] == "run 7"
    assert json.loads(json.dumps(scan.settings)) == scan.settings
    spectrum = spectrum_of(scan)
    assert spectrum.axis[0] == 300
    assert spectrum.history[0].startswith("read from ENLIGHTEN CSV")
    assert spectrum.laser_nm == 784.9


def test_nothing_is_guessed():
    found = one_scan(
        ("x.csv", b"raman shift,counts\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(200, 260)))
    )
    scan = found.scan
    assert (scan.device.model, scan.device.serial) == ("unknown", "")
    assert (scan.exposure_s, scan.laser_nm, scan.laser_mw) == (0.0, None, None)
    assert scan.settings["device_answer"] is None
    assert found.items == ()
    assert spectrum_of(scan).history[-2] == "mean of 1 accumulation(s)"


def test_what_a_person_states_completes_the_file():
    source = Source(Path("/x"), technique=Technique.RAMAN, model="TruThing", serial="T9", laser_nm=1064.0)
    data = b"raman shift,counts\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(200, 260))
    scan = one_scan(("x.csv", data), source=source).scan
    assert (scan.device.model, scan.device.serial, scan.laser_nm) == ("TruThing", "T9", 1064.0)
    sorted_ = arrival_scans(arrived(("y.csv", enlighten())), Source(Path("/x"), serial="OTHER"))
    assert sorted_.scans == ()
    assert "is of device 'WP-00001', the folder is that of 'OTHER'" in sorted_.refused[0][1]


def test_an_infrared_file_keeps_resolution_and_history():
    axis = np.linspace(600, 4000, 500)
    spectrum = Spectrum(
        axis, np.abs(np.sin(axis / 50)) + 0.01, Technique.FTIR, resolution_cm1=4.0, history=("as measured",)
    )
    found = one_scan(("a.dat", encode_jcamp(spectrum, "cut")), source=Source(Path("/x")))
    scan = found.scan
    assert (scan.technique, scan.axis_unit) == (Technique.FTIR, "cm-1")
    again = spectrum_of(scan)
    assert again.resolution_cm1 == 4.0
    assert "as measured" in again.history


@pytest.mark.parametrize(
    "said",
    [None, [], {"history": 3}, {"history": [1, {}], "resolution_cm1": "4", "saturated": "yes"}]
    + [{"resolution_cm1": True}, {"resolution_cm1": -1}, {"resolution_cm1": 1e9}],
)
def test_damaged_settings_say_nothing(said):
    from dataclasses import replace

    scan = one_scan(("run7.csv", enlighten())).scan
    spectrum = spectrum_of(replace(scan, settings={"file": said}))
    assert spectrum.resolution_cm1 is None
    assert not spectrum.saturated
    assert len(spectrum.history) == 2


def test_saturation_is_handed_on_and_a_wavelength_record_is_refused():
    from dataclasses import replace

    scan = one_scan(("run7.csv", enlighten())).scan
    full = replace(scan, settings={"file": {"saturated": True}})
    assert spectrum_of(full).saturated
    size = scan.axis.size
    outcome = AxisOutcome("pixels", (780.0, 0.1), size, 785.0, None, 0.01, 0.01, 0.1, (790.0, 900.0), ())
    record = CalibrationRecord(
        kind=Kind.AXIS,
        device_serial=scan.device.serial,
        outcome=outcome,
        standards=(StandardUsed("neon lamp"),),
        scans=("0" * 64,),
        made_at="2026-11-21T12:00:00Z",
    )
    with pytest.raises(UncalibratedScan, match="axis is in cm-1"):
        spectrum_of(scan, InForce(axis=record))


def test_several_spectra_in_one_file_are_several_scans():
    axis = np.linspace(300, 2000, 80)
    blocks = [encode_jcamp(Spectrum(axis, axis % n, Technique.RAMAN), f"t{n}").decode() for n in (7, 9)]
    link = "##TITLE=both\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=2\n" + "".join(blocks) + "##END=\n"
    found = arrival_scans(arrived(("both.jdx", link.encode())), SOURCE)
    assert [one.scan.settings["file"]["title"] for one in found.scans] == ["t7", "t9"]
    assert {one.original.data for one in found.scans} == {link.encode()}


@pytest.mark.parametrize(
    ("changes", "items"),
    [
        ({}, ()),
        ({"Label": "RR123456785GB"}, ("RR123456785GB",)),
        ({"Label": "rr 123 456 785 gb"}, ("rr 123 456 785 gb",)),
        ({"Label": "parcel RR123456785GB"}, ()),
        ({"Sample_ID": "BOX 12"}, ("BOX 12",)),
        ({"Item": "A1", "Label": "RR123456785GB"}, ("A1", "RR123456785GB")),
        ({"Note": "12"}, ()),
    ],
)
def test_identifiers_stand_in_fields_made_for_them(changes, items):
    assert one_scan(("x.csv", enlighten(**changes))).items == items


def test_a_jcamp_label_holds_the_item():
    axis = np.linspace(300, 2000, 80)
    data = encode_jcamp(Spectrum(axis, axis % 7, Technique.RAMAN), "white powder")
    data = data.replace(b"##JCAMP-DX", b"##$ITEM=RR123456785GB\n##$SERIAL NUMBER=J-1\n##JCAMP-DX", 1)
    found = one_scan(("x.jdx", data))
    assert found.items == ("RR123456785GB",)
    assert found.scan.device.serial == "J-1"
    assert found.scan.settings["file"]["title"] == "white powder"


def test_a_file_name_is_no_item():
    axis = np.linspace(300, 2000, 80)
    data = encode_csv(Spectrum(axis, axis % 7, Technique.RAMAN))
    assert one_scan(("RR123456785GB.csv", data)).items == ()


@pytest.mark.parametrize(
    ("changes", "name", "figure", "proven"),
    [
        ({}, "", 0.0, True),
        ({"Declared_Match": "Ibuprofen", "Declared_Score": "91.5"}, "Ibuprofen", 91.5, True),
        ({"Declared_Match": "Ibuprofen", "Declared_Score": "n/a"}, "Ibuprofen", None, True),
    ],
)
def test_the_answer_in_the_header(changes, name, figure, proven):
    answer = one_scan(("x.csv", enlighten(**changes))).scan.settings["device_answer"]
    assert (answer["name"], answer["figure"], answer["proven"], answer["source"]) == (
        name,
        figure,
        proven,
        "header",
    )


@pytest.mark.parametrize(
    ("data", "name", "figure"),
    [
        (b"Result: Cocaine HCl\r\nConfidence = 93 %\r\n", "Cocaine HCl", 93.0),
        (b"Date;2020\nBest Match;Heroin\nHQI;0,971\n", "Heroin", 0.971),
        ("Result\tMephédrone\n".encode("utf-16"), "Mephédrone", None),
        (b'{"scan": {"result": "Ketamine", "hqi": 0.88, "ok": true}}', "Ketamine", 0.88),
        (b'{"results": [{"match": "A", "score": 0.9}, {"match": "B", "score": 0.5}]}', "A", 0.9),
        (b"<r><x:Result>Fentanyl &amp; more</x:Result><Score>12</Score></r>", "Fentanyl & more", 12.0),
        (b"<r><Result>No match</Result></r>", "", None),
        (b"Result: Result: again\nResult: later\n", "Result: again", None),
    ],
)
def test_the_answer_in_a_report(data, name, figure):
    answer = answer_in_report("r.txt", data)
    assert (answer.name, answer.figure, answer.proven) == (name, figure, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.4\x00\x01",
        b"{",
        b"[" * 100_000,
        b"<a><!ENTITY b 'c'></a>",
        b"free words\n",
        b"Resultant: x",
    ]
    + [b'{"result": {"deep": {"deep": {"deep": {"deep": {"result": "too deep"}}}}}}']
    + [b'{"score": 1e999}', b'{"n": ' + b"9" * 9999 + b"}"],
)
def test_reports_without_an_answer(data):
    assert answer_in_report("r.txt", data) is None


def test_the_first_field_of_a_name_counts():
    assert answer_in([("Match", "one"), ("MATCH", "two")], source="x").name == "one"
    assert answer_in([("Score", "1")], source="x") is None


def test_a_name_wins_over_a_header_that_names_nothing():
    scan = one_scan(("x.csv", enlighten()), ("x.txt", b"Result: Heroin\n")).scan
    assert scan.settings["device_answer"]["name"] == "Heroin"


def test_reports_are_bounded(monkeypatch):
    monkeypatch.setattr("instrument.drop_folder.arrivals.MAX_REPORT_BYTES", 30)
    big = b"Result: x\n" + b"." * 40
    found = arrival_scans(arrived(("x.csv", enlighten()), ("x.log", big), ("x.txt", b"Result: y\n")), SOURCE)
    assert [one.name for one in found.scans[0].sidecars] == ["x.txt"]
    assert [file.name for file, _ in found.refused] == ["x.log"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_none(data):
    answer = answer_in_report("r.txt", data)
    assert answer is None or answer.source == "r.txt"


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=12))
def test_any_header_makes_claims(meta):
    axis = np.linspace(300, 2000, 20)
    claims = claims_of(Decoded(Spectrum(axis, axis, Technique.RAMAN), "JCAMP-DX", "t", meta), SOURCE)
    assert claims.exposure_s >= 0
    assert all(isinstance(item, str) and item for item in claims.items)


@given(st.text(max_size=300))
def test_any_name_becomes_printable(name):
    made = plain_name(name)
    assert made.isprintable()
    assert 0 < len(made) <= 200
    assert made.encode()


def test_names_of_other_encodings_are_kept_printable():
    assert plain_name(os.fsdecode(b"caf\xe9\n.csv")).endswith(".csv")


def test_a_large_file_is_read_by_a_child(monkeypatch):
    data = enlighten(Declared_Match="Ibuprofen")
    (here,) = decode(data, name="x")
    monkeypatch.setattr("instrument.drop_folder.decoding.IN_PROCESS", 10)
    (there,) = decode_file(data, "x", technique=None, laser_nm=None)
    assert there.meta == here.meta
    assert np.array_equal(there.spectrum.intensity, here.spectrum.intensity)
    assert there.spectrum.history == here.spectrum.history
    assert IN_PROCESS > 1 << 20


def test_a_child_hands_its_errors_on():
    with pytest.raises(UnknownFormat, match="no format"):
        decode_in_child(b"once upon a time", "x")


def test_a_child_that_hangs_or_breaks_harms_nobody(monkeypatch):
    with pytest.raises(FormatError, match="not read within"):
        decode_in_child(enlighten(), "x", timeout_s=0.01)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(FormatError, match="out of memory or failed"):
        decode_in_child(enlighten(), "x")


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"spectra": 3}', b'{"spectra": [{}]}', b'{"spectra": [{"axis": "A"}]}', b"\xff"],
)
def test_nonsense_of_a_child_is_refused(answer):
    with pytest.raises(FormatError, match="nonsense"):
        unpacked(answer, "x")


def test_an_array_that_is_too_long_is_refused():
    (one,) = decode(enlighten(), name="x")
    said = json.loads(packed((one,)))
    said["spectra"][0]["axis"] = "A" * (13 << 20)
    with pytest.raises(FormatError, match="too long"):
        unpacked(json.dumps(said).encode(), "x")


def test_a_library_is_no_measurement():
    axis = np.linspace(300, 2000, 20)
    block = encode_jcamp(Spectrum(axis, axis % 7, Technique.RAMAN), "t").decode()
    count = MAX_SPECTRA + 1
    link = f"##TITLE=lib\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS={count}\n" + block * count + "##END=\n"
    with pytest.raises(FormatError, match="a map or a library"):
        decode_file(link.encode(), "x", technique=None, laser_nm=None)


def test_a_time_beyond_all_calendars_is_no_claim():
    found = one_scan(("x.csv", enlighten()))
    assert found.scan.settings["file"]["claimed_written"]
    held = ArrivedFile("x.csv", digest_of(enlighten()), enlighten(), 10**30)
    (odd,) = arrival_scans(Arrival("id", (held,), "2026-11-21T12:00:00Z"), SOURCE).scans
    assert odd.scan.settings["file"]["claimed_written"] == ""
