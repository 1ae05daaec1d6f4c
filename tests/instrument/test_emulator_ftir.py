"""The infrared emulators: optics, files an independent reader reads, pages and lines, and faults of files."""

import asyncio
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from instrument.emulators.fault_source import FaultSource
from instrument.emulators.faults import parse_faults
from instrument.emulators.ftir import FtirOptics
from instrument.emulators.ftir_program import FileFormat, FtirProgram, Phase
from instrument.emulators.ftsw500 import FtswServer, encode_measured, encode_peaks
from instrument.emulators.opus import OpusServer
from instrument.emulators.opus_writer import Instrument, encode_interferogram, encode_opus
from instrument.emulators.program import main
from instrument.emulators.scene import SceneError
from instrument.emulators.wire import PowerCut, Unplugged
from spectra.atmosphere import atmosphere_of
from spectra.errors import FormatError
from spectra.formats import decode, encode_jcamp
from spectra.noise import noise_of
from spectra.values import Spectrum, Technique

INSTRUMENT = Instrument("S1")


def optics(**changes):
    found = FtirOptics(
        **{
            "seed": 3,
            "resolution_cm1": 4.0,
            "range_cm1": (400.0, 4000.0),
            "scans": 16,
            "atr": True,
            **changes,
        }
    )
    found.measure_background(1000.0)
    return found


def seen(measured):
    return Spectrum(measured.axis[::-1], measured.absorbance[::-1], Technique.FTIR)


@pytest.fixture
def sample(tmp_path):
    axis = np.arange(400.0, 4000.0, 2.0)
    path = tmp_path / "sample.dx"
    values = 0.5 * np.exp(-(((axis - 1700) / 20) ** 2))
    path.write_bytes(encode_jcamp(Spectrum(axis, values, Technique.FTIR), "band"))
    return path


def test_a_sample_absorbs_what_its_file_says(sample):
    lab = optics()
    lab.put(sample)
    spectrum = seen(lab.measure(1100.0))
    assert spectrum.axis[np.argmax(spectrum.intensity)] == pytest.approx(1700, abs=2)
    assert spectrum.intensity.max() == pytest.approx(0.5, rel=0.03)
    lab.put(None)
    assert abs(seen(lab.measure(1200.0)).intensity).max() < 0.05
    assert lab.spectra_read == 2


def test_noise_falls_with_the_root_of_the_scans():
    few, many = (seen(optics(scans=scans).measure(0.0)) for scans in (4, 400))
    ratio = np.median(noise_of(few.intensity)) / np.median(noise_of(many.intensity))
    # The background is as noisy as the sample in both.
    assert ratio == pytest.approx(10, rel=0.2)


def test_air_that_changed_is_in_the_spectrum():
    lab = optics()
    lab.control({"co2": 2.0, "h2o": 0.5})
    state = atmosphere_of(seen(lab.measure(0.0)))
    assert state.co2_visible
    assert state.co2_area > 0
    assert state.water_visible
    assert state.water < 0


def test_resolution_sets_the_grid():
    assert optics(resolution_cm1=8.0).axis.size == pytest.approx(optics().axis.size / 2, abs=2)


def test_a_blocked_beam_is_dark():
    lab = optics()
    lab.control({"brightness": 100.0})
    lab.sample = Spectrum(np.array([400.0, 4000.0]), np.array([5.0, 5.0]), Technique.FTIR)
    measured = lab.measure(0.0)
    assert measured.absorbance.max() == 6.0


@pytest.mark.parametrize(
    "message", [{"sample": 3}, {"co2": -1}, {"h2o": "wet"}, {"residue": 1e9}, {"sample": "/nowhere"}]
)
def test_wrong_control_messages_are_refused(message):
    with pytest.raises(SceneError):
        optics().control(message)


def test_written_files_are_read_by_an_independent_reader(tmp_path):
    brukeropus = pytest.importorskip("brukeropus")
    measured = optics().measure(1100.5)
    path = tmp_path / "x.0"
    path.write_bytes(encode_opus(measured, INSTRUMENT, resolution_cm1=4.0, scans=16))
    theirs = brukeropus.read_opus(path)
    assert np.array_equal(theirs.a.y, measured.absorbance)
    assert theirs.a.x == pytest.approx(measured.axis)
    assert np.array_equal(theirs.sm.y, measured.sample)
    assert np.array_equal(theirs.rf.y, measured.background)
    assert (theirs.params.ins, theirs.params.srn, theirs.params.nss) == (INSTRUMENT.name, "S1", 16)
    assert theirs.rf_params.srt == 1000.0
    assert theirs.a.datetime.timestamp() == pytest.approx(1100.5, abs=1e-3)


def test_what_is_no_spectrum_is_refused_by_the_reader():
    measured = optics().measure(0.0)
    for data in (encode_interferogram(measured, INSTRUMENT), encode_peaks(measured)):
        with pytest.raises(FormatError):
            decode(data)
    (one,) = decode(encode_measured(measured, "S2"))
    assert np.array_equal(one.spectrum.intensity, measured.absorbance[::-1])


# The program


FORM = FileFormat(
    lambda n: f"f.{n}",
    lambda m: encode_opus(m, INSTRUMENT, resolution_cm1=4.0, scans=16),
    lambda m: encode_interferogram(m, INSTRUMENT),
)


def program_in(folder, spec=""):
    program = FtirProgram(optics(), folder, FORM, scan_s=0.01, speed=100)
    program.faults = FaultSource(parse_faults(spec))
    return program


async def measured_by(program, times=1):
    program.connect()
    for _ in range(times):
        while program.phase is not Phase.CONNECTED:
            await asyncio.sleep(0.002)
        assert program.start()
        while program.phase not in {Phase.CONNECTED, Phase.DISCONNECTED}:
            await asyncio.sleep(0.002)


def test_a_measurement_takes_its_time_and_leaves_a_file(tmp_path):
    program = program_in(tmp_path)
    assert not program.start()
    asyncio.run(measured_by(program, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.0", "f.1"]
    state = program.state()
    assert state["spectra_read"] == 2
    assert state["exposure_s"] == pytest.approx(0.16)
    (one,) = decode((tmp_path / "f.1").read_bytes())
    truth = one.spectrum.intensity.astype("<f8").tobytes()
    assert hashlib.sha256(truth).hexdigest() == state["last_truth_sha256"]


def test_cancelling_leaves_no_file(tmp_path):
    program = program_in(tmp_path)

    async def run():
        assert program.connect()
        assert program.phase is Phase.CONNECTING
        assert not program.cancel()
        while program.phase is not Phase.CONNECTED:
            await asyncio.sleep(0.002)
        assert program.start()
        assert not program.start()
        assert program.cancel()
        assert program.phase is Phase.CANCELLING
        while program.phase is not Phase.CONNECTED:
            await asyncio.sleep(0.002)
        assert not program.finish_early()

    asyncio.run(run())
    assert not list(tmp_path.iterdir())


def test_a_power_cut_forgets_the_measurement(tmp_path):
    program = program_in(tmp_path)

    async def run():
        program.connect()
        while program.phase is not Phase.CONNECTED:
            await asyncio.sleep(0.002)
        program.start()
        program.power_cut()
        await asyncio.sleep(0.02)

    asyncio.run(run())
    assert program.phase is Phase.DISCONNECTED
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "files"),
    [("drop", 0), ("duplicate", 2), ("fragment", 1), ("truncate", 1), ("corrupt", 1), ("bad_footer", 1),
     ("wrong_type", 1), ("garbage", 1), ("garbage_inside", 1), ("stale:1:1", 1)],
)  # fmt: skip
def test_faults_of_files(tmp_path, fault, files):
    program = program_in(tmp_path, fault if ":" in fault else f"{fault}:1")
    asyncio.run(measured_by(program))
    found = list(tmp_path.iterdir())
    assert len(found) == files
    if fault in {"truncate", "corrupt", "bad_footer", "wrong_type", "garbage", "garbage_inside"}:
        with pytest.raises(FormatError):
            decode(found[0].read_bytes())


def test_a_stale_file_is_the_old_one_touched(tmp_path):
    program = program_in(tmp_path)
    asyncio.run(measured_by(program))
    before = (tmp_path / "f.0").stat().st_mtime_ns
    program.faults.faults = parse_faults("stale:1:1")
    asyncio.run(measured_by(program))
    assert [path.name for path in tmp_path.iterdir()] == ["f.0"]
    assert (tmp_path / "f.0").stat().st_mtime_ns > before
    (tmp_path / "f.0").unlink()
    asyncio.run(measured_by(program))
    assert [path.name for path in tmp_path.iterdir()] == ["f.0"]


@pytest.mark.parametrize(
    ("fault", "error", "files"), [("disconnect", Unplugged, 1), ("power_cut", PowerCut, 0)]
)
def test_cuts_reach_the_next_client(tmp_path, fault, error, files):
    program = program_in(tmp_path)
    program.faults.power_cut = program.power_cut
    program.faults.faults = parse_faults(f"{fault}:1:0.5")
    asyncio.run(measured_by(program))
    assert len(list(tmp_path.iterdir())) == files
    with pytest.raises(error) as caught:
        program.check_cut()
    assert caught.value.seconds == 0.5
    program.check_cut()


def test_a_late_file_comes_late(tmp_path):
    program = program_in(tmp_path, "delay:1:0.05")

    async def run():
        await measured_by(program)
        assert not list(tmp_path.iterdir())
        await asyncio.sleep(0.1)

    asyncio.run(run())
    assert len(list(tmp_path.iterdir())) == 1


# What it says


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (b"GET /opusrs/stat.htm HTTP/1.0\r\n\r\n", b'<td id="STATUS">0</td>'),
        (b"GET /opusrs/cmd.htm?opusrsdance HTTP/1.1\r\n\r\n", b"unknown command"),
        (b"GET /opusrs/cmd.htm?opusrsstart HTTP/1.1\r\n\r\n", b'<td id="ERRCODE">9</td>'),
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_pages(tmp_path, request_, words):
    assert words in OpusServer(program_in(tmp_path), pace_s=0).answer(request_)


def test_lines(tmp_path):
    async def run():
        program = program_in(tmp_path)
        server = FtswServer(program, speed=100)
        assert server.answer("getFTSW500State") == b"ACK&0\n"
        assert server.answer("dance") == b"NAK&unknown command\n"
        assert server.answer("clickStartAcquisitionButton") == b"NAK&not possible now\n"
        assert server.answer("clickConnectButton") == b"ACK\n"
        assert server.answer("getFTSW500State") == b"ACK&-1\n"
        await asyncio.sleep(0.05)
        assert server.answer("getFTSW500State") == b"ACK&2\n"
        assert server.answer("clickStartAcquisitionButton") == b"ACK\n"
        assert server.answer("clickStopAcquisitionButton") == b"ACK\n"

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["opus", "ftsw500"])
def test_a_folder_is_needed(kind, tmp_path, capsys):
    assert main([kind, "--folder", str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_the_start_up_line_says_what_it_is(tmp_path):
    command = [sys.executable, "-m", "instrument.emulators", "opus", "--folder", str(tmp_path), "--no-atr"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        about = json.loads(process.stdout.readline())
        process.terminate()
    assert (about["kind"], about["emulated"], about["scans"]) == ("opus", True, 16)
