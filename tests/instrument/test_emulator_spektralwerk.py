import asyncio
import base64
import socket
import struct
import time

import numpy as np
import pytest

from instrument.emulators.scpi import ScpiError, ScpiInterpreter, header_pattern
from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique

CONFIG = "MEAS:SPEC:CONF:"


@pytest.fixture
def device(emulate):
    def start(*options):
        program = emulate("spektralwerk", "--tcp", "0", *options)
        host, port = program.about["address"].rsplit(":", 1)

        def ask(line: str, limit: float = 5.0) -> bytes:
            with socket.create_connection((host, int(port)), timeout=limit) as sock:
                sock.sendall(line.encode() + b"\n")
                answer = b""
                while data := sock.recv(65536):
                    answer += data
                return answer

        return program, ask

    return start


def numbers(answer: bytes) -> np.ndarray:
    return np.array([float(word) for word in answer.decode().strip().split(",")])


def test_headers_match_short_and_long_forms_only():
    pattern = header_pattern("MEASure:SPECtrum:CONFig:EXPosure:TIME?")
    for header in (":MEASure:SPECtrum:CONFig:EXPosure:TIME?", ":meas:spec:conf:exp:time?"):
        assert pattern.fullmatch(header)
    for header in (":MEASU:SPEC:CONF:EXP:TIME?", ":MEAS:SPEC:CONF:EXP:TIME", ":SPEC:CONF:EXP:TIME?"):
        assert not pattern.fullmatch(header)


def test_errors_queue_up_and_set_status_bits():
    scpi = ScpiInterpreter()

    async def talk(line: str) -> list[str]:
        return await scpi.line(line)

    async def scenario() -> None:
        assert await talk("*ESR?") == ["128"]
        assert await talk("*OPC?;;*TST?;*STB?;*WAI") == ["1", "0", "0"]
        assert await talk("NONSENSE;*ESR?") == ["32"]
        assert await talk("SYST:ERR?;:SYSTem:ERRor:NEXT?") == ['-113,"Undefined header"', '0,"No error"']
        for code in (-222, -350, -410, -113):
            scpi.note(ScpiError(code, "x"))
        assert await talk("*ESR?") == [str(16 + 8 + 4 + 32)]
        for _ in range(20):
            scpi.note(ScpiError(-222, "x"))
        assert (await talk(";".join(["SYST:ERR?"] * 16)))[-1] == '-350,"Queue overflow"'
        assert await talk("*CLS;SYST:ERR?;ERR?") == ['0,"No error"', '0,"No error"']

    asyncio.run(scenario())


def test_identity_settings_and_one_line_per_connection(device):
    program, ask = device("--pixels", "64", "--range-nm", "1000:1630")
    about = program.about
    assert ask("*IDN?").decode().split(",")[2] == about["serial"]
    assert ask("DEV:SPEC:ARR:PCO?;PEAK?;:DEV:SPEC:RES?") == b"64;65535;20.000\n"
    assert numbers(ask("DEVice:SPECtrometer:PIXels:WAVelengths?")) == pytest.approx(
        np.arange(1000.0, 1631.0, 10.0)
    )
    assert ask(f"{CONFIG}EXP:TIME 1234567") == b""
    assert ask(f"{CONFIG}EXP:TIME?;TIME:MIN?;MAX?;DEF?;UNIT?") == b"1234567;100;10000000;20000;us\n"
    assert ask(f"{CONFIG}FORM?;ROI?;PROC?;TRIG?") == b"human;0,63;none;none\n"


def test_out_of_range_is_refused_by_the_client_s_discipline(device):
    _, ask = device()
    assert ask(f"*CLS;{CONFIG}EXP:TIME 5e9;*ESR?") == b"16\n"
    assert ask("SYST:ERR:NEXT?") == b'-222,"Data out of range"\n'
    assert ask(f"*CLS;{CONFIG}EXP:TIME nan;*ESR?") == b"16\n"
    assert ask(f"*CLS;{CONFIG}EXP:TIME fast;*ESR?") == b"32\n"
    for words in ("FORM jpeg", "PROC scale", "TRIG later"):
        assert ask(f"*CLS;{CONFIG}{words};*ESR?") == b"16\n"
    assert ask(f"*CLS;{CONFIG}ROI 30,10;*ESR?") == b"16\n"
    assert ask("*CLS;MEAS:SPEC:REF:DARK?;*ESR?") == b"16\n"
    assert ask("*CLS;MEAS:SPEC:REF:DARK:SET 1,2;*ESR?") == b"16\n"
    assert ask(f"*RST;*CLS;{CONFIG}EXP:TIME?;*ESR?") == b"20000;0\n"


def test_raw_spectra_are_the_ramp(device):
    _, ask = device("--pattern", "ramp", "--pixels", "32")
    assert (numbers(ask("MEAS:SPEC:REQ:RAW?"))[1:] == 100 + 7 * np.arange(32)).all()
    assert (numbers(ask("MEAS:SPEC:SAMP:RAW:AVER?"))[1:] == 113 + 7 * np.arange(32)).all()


def test_streams_in_every_format(device):
    _, ask = device("--pattern", "ramp", "--pixels", "8")
    ask(f"{CONFIG}COUN 2;FORM base64_float")
    first, second, rest = ask("MEAS:SPEC:REQ?").split(b";")
    assert rest == b""
    assert struct.unpack("<Q8f", base64.b64decode(second))[1:3] == (113.0, 120.0)
    ask(f"{CONFIG}COUN 1;FORM base64_int16")
    assert struct.unpack("<Q8H", base64.b64decode(ask("MEAS:SPEC:REQ?").rstrip(b";")))[1] == 126
    ask(f"{CONFIG}FORM cobs_int16")
    assert ask("MEAS:SPEC:REQ?").endswith(b"\0")
    assert ask("*CLS;MEAS:SPEC:REQ?;*ESR?") == b"16\n"
    ask(f"{CONFIG}FORM human")
    assert numbers(ask("*CLS;MEAS:SPEC:REQ?;*ESR?").split(b";")[0]).size == 9
    assert len(first) > 20


def test_processing_steps(device):
    _, ask = device("--pixels", "64")
    ask("MEAS:SPEC:REF:DARK:ACQ 5")
    dark = numbers(ask("MEAS:SPEC:REF:DARK?"))
    assert dark.size == 64
    ask(
        f"{CONFIG}PROC average,reference_dark,roi,binning;AVER:NUMB 10;:{CONFIG}BINN:WIDT 4;:{CONFIG}ROI 0,31"
    )
    spectrum = numbers(ask("MEAS:SPEC:REQ?").rstrip(b";"))[1:]
    assert spectrum.size == 8
    assert np.abs(spectrum).max() < 500
    ask("MEAS:SPEC:REF:LIGH:SET " + ",".join(["1.5"] * 64))
    assert (numbers(ask("MEAS:SPEC:REF:LIGH?")) == 1.5).all()


def test_a_long_exposure_keeps_alive_and_ends_with_the_connection(device):
    program, ask = device()
    ask(f"{CONFIG}EXP:TIME 10000000")
    host, port = program.about["address"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(b"MEAS:SPEC:REQ?\n")
        assert sock.recv(10) == b";"
    begin = time.monotonic()
    assert ask(f"{CONFIG}EXP:TIME?") == b"10000000\n"
    assert time.monotonic() - begin < 1.0
    assert program.control()["spectra_read"] == 0


def test_hostile_lines_end_the_connection(device):
    program, ask = device()
    host, port = program.about["address"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        try:
            for _ in range(8):
                sock.sendall(b"x" * 65536)
            assert sock.recv(10) == b""
        except ConnectionError:
            pass
    assert ask("*OPC?") == b"1\n"


def test_an_infrared_sample_dims_the_lamp(device, tmp_path):
    axis = np.linspace(5000.0, 12_000.0, 100)
    path = tmp_path / "s.csv"
    path.write_bytes(encode_csv(Spectrum(axis, np.ones(100), Technique.FTIR)))
    program, ask = device("--pixels", "64")
    bright = numbers(ask("MEAS:SPEC:REQ:RAW?"))[1:].max()
    program.control(sample=str(path))
    dim = numbers(ask("MEAS:SPEC:REQ:RAW?"))[1:].max()
    assert (dim - 1500) / (bright - 1500) == pytest.approx(0.1, abs=0.02)
