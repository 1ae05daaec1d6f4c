"""Fuzz targets: the files that are read."""

from pathlib import Path
from typing import Any

import numpy as np
from fuzz_target import Target, target

ENLIGHTEN = (
    b"ENLIGHTEN Version,4.1.44\nLabel,a, b\nPixel Count,6\nLaser Wavelength,785.0\n\n"
    b"Wavenumber,Processed\n400.0,0.00\n402.0,5.5\n404.0,0.0\n406.0,7\n408.0,1e1\n410.0,0\n"
)
BWSPEC = (
    b"File Version;BWSpec4.11\nlaser_wavelength;785.0\npixel_num;4\nxaxis_min;0\nxaxis_max;3\n"
    b"Pixel;Wavelength;Wavenumber;Raman Shift;Dark;Raw data #1;Dark Subtracted #1;\n"
    b"0;800.0;12500;238.85;1;2;1;\n1;801.0;12484;254.46;1;3;2;\n2;802.0;12468;270.02;1;4;3;\n"
    b"3;803.0;12453;285.55;1;5;4;\n"
)
JCAMP = (
    b"##TITLE=x\n##JCAMP-DX=4.24\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=1/CM\n##YUNITS=COUNTS\n"
    b"##FIRSTX=400\n##LASTX=405\n##NPOINTS=6\n##XFACTOR=1\n##YFACTOR=0.01\n##DELTAX=1\n"
    b"##XYDATA=(X++(Y..Y))\n400 100 101 99\n403 98 98 105\n##END=\n"
)
PACKED = JCAMP.replace(b"400 100 101 99\n403 98 98 105\n", b"400A00Jk\n402I9j%\n404I8P\n")
PAIRS = (
    b"##TITLE=p\n##JCAMP-DX=4.24\n##DATA TYPE=INFRARED SPECTRUM\n##XUNITS=1/CM\n##YUNITS=ABSORBANCE\n"
    b"##NPOINTS=3\n##XFACTOR=1\n##YFACTOR=1\n##FIRSTX=400\n##LASTX=402\n"
    b"##XYPOINTS=(XY..XY)\n400,0.1; 401,0.2\n402 0.3\n##END=\n"
)
LINKED = (
    b"##TITLE=all\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=2\n" + JCAMP + PAIRS.rstrip() + b"\n##END=\n"
)
COLUMNS = b"# laser_nm: 785\nRaman shift;intensity\n400,5;1,5\n401;2\n402,5;3\n"
CSV = b"raman_shift_cm1,intensity\n400.0,1.5\n401.0,2.0\n402.5,3.0\n"


@target("spectra: ENLIGHTEN")
def enlighten() -> Target:
    """CSV files of Wasatch's ENLIGHTEN."""
    utf16 = ENLIGHTEN.decode().encode("utf-16")
    return _spectra(ENLIGHTEN, ENLIGHTEN.replace(b"\n", b"\r\n"), utf16, technique="")


@target("spectra: JCAMP-DX")
def jcamp() -> Target:
    """JCAMP-DX, plain, packed, in pairs and linked."""
    return _spectra(JCAMP, PACKED, PAIRS, LINKED, technique="")


@target("spectra: BWSpec")
def bwspec() -> Target:
    """Text files of B&W Tek's BWSpec."""
    return _spectra(BWSPEC, technique="")


@target("spectra: columns")
def columns() -> Target:
    """Numbers in columns, of any program."""
    return _spectra(COLUMNS, CSV, technique="raman")


@target("spectra: OPUS file")
def opus_file() -> Target:
    """Binary files of Bruker's OPUS."""
    import time

    from instrument.emulators.ftir import FtirOptics
    from instrument.emulators.opus_writer import Instrument, encode_interferogram, encode_opus

    optics = FtirOptics(
        seed=1, resolution_cm1=32.0, range_cm1=(400.0, 800.0), scans=4, atr=True, pattern="ramp"
    )
    optics.measure_background(time.time())
    measured, instrument = optics.measure(time.time()), Instrument("EMU-OPUS-1")
    whole = encode_opus(measured, instrument, resolution_cm1=32.0, scans=4)
    return _spectra(whole, whole, technique="", refused=(encode_interferogram(measured, instrument),))


@target("spectra: file of a drop folder")
def drop_file() -> Target:
    """A file that arrives in a watched folder with a report beside it, up to a scan."""
    from instrument.device_url import DeviceURL
    from instrument.drop_folder.arrivals import Arrival, ArrivedFile, arrival_scans
    from instrument.drop_folder.source import Source
    from instrument.errors import InstrumentError
    from spectra.errors import SpectraError

    source = Source.of(DeviceURL.parse("folder:///mnt/handheld?laser_nm=785&technique=raman&model=X-1"))
    report = ArrivedFile("a.txt", "1" * 64, b"Result: Ibuprofen\nHQI: 0.93\n")

    def parse(data: bytes) -> None:
        file = ArrivedFile("a.jdx", "0" * 64, data, mtime_ns=1_700_000_000_000_000_000)
        arrival_scans(Arrival("2" * 64, (file, report), "2026-11-21T12:00:00Z"), source)

    return Target((ENLIGHTEN, JCAMP, BWSPEC, COLUMNS), parse, (SpectraError, InstrumentError))


def _spectra(*seeds: bytes, technique: str, refused: tuple[bytes, ...] = ()) -> Target:
    """Return a target for `spectra.formats.decode`; ``refused`` are seeds that are good files, but no spectra."""
    from spectra.errors import SpectraError
    from spectra.formats import decode
    from spectra.values import Technique

    known = Technique(technique) if technique else None
    return Target(seeds, lambda data: decode(data, technique=known), (SpectraError,), extra=refused)


@target("scan file")
def scan_file() -> Target:
    """The archive's HDF5 files, their bytes changed."""
    from service.archive.scanfile import decode_scan, decode_transcript, encode_scan
    from service.errors import ArchiveError

    def parse(data: bytes) -> None:
        decode_scan(data)
        decode_transcript(data)

    seeds = (encode_scan(_scan()), encode_scan(_scan(with_transcript=TRANSCRIPT), TRANSCRIPT))
    return Target(seeds, parse, (ArchiveError,))


@target("scan file: description")
def scan_head() -> Target:
    """The JSON description in an otherwise good scan file."""
    import h5py
    import rfc8785

    from service.archive.scanfile import FORMAT, decode_scan
    from service.errors import ArchiveError

    room = b" " * 2048

    def image(shape: tuple[int, int]) -> tuple[bytes, bytes]:
        """Return the bytes of a file before and after its description."""
        with h5py.File("scan", "w", driver="core", backing_store=False) as file:
            file.attrs["format"] = np.bytes_(FORMAT)
            file["axis"], file["counts"] = np.arange(400.0, 416.0), np.ones(shape)
            file["head"] = np.frombuffer(room, np.uint8)
            file.flush()
            before, after = bytes(file.id.get_file_image()).split(room)
        return before, after

    images = [image((1, 16))] * 6 + [image((0, 16)), image((2, 15))]

    def make(head: bytes, number: int) -> bytes:
        before, after = images[number % len(images)]
        # Spaces behind an object are JSON too.
        return before + head[: len(room)].ljust(len(room)) + after

    head = rfc8785.dumps(_scan().described())
    return Target((head,), decode_scan, (ArchiveError,), make)


@target("devices.toml")
def devices_toml() -> Target:
    """The configuration file of the benches."""
    from instrument.config import load_config
    from instrument.errors import InstrumentError

    path = Path("devices.toml")

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        load_config(path)

    return Target((DEVICES, DEVICES_INFRARED), parse, (InstrumentError,))


DEVICES = b"""[devices.bench1]
spectrometer = "obp+serial:///dev/ttyUSB0?model=STS&baud=115200"
laser = "cobolt+serial:///dev/ttyUSB1"
laser_nm = 785.0
power_mw = 100
warning_s = 2.5
contact = "vial"
"""
DEVICES_INFRARED = b"""[devices.nir-1]
spectrometer = "visa://TCPIP0::192.168.1.20::5025::SOCKET?driver=spektralwerk"
laser_nm = 1064
power_mw = 0.0
emulated = true
"""
TRANSCRIPT = b'{"transcript":1,"dropped":0,"start":"' + b"0" * 64 + b'"}\n'


def _scan(with_transcript: bytes = b"") -> Any:
    from spectra.digest import bytes_digest
    from spectra.values import DeviceInfo, Scan, Technique

    counts = np.arange(32.0).reshape(2, 16)
    return Scan(
        technique=Technique.RAMAN,
        counts=counts,
        dark=counts / 2,
        device=DeviceInfo("STS", "S1", "1.0", "obp+serial:///dev/ttyUSB0?model=STS", emulated=True),
        exposure_s=0.5,
        taken_at="2026-11-21T12:00:00.000Z",
        axis=np.linspace(800.0, 960.0, 16),
        laser_nm=785.0,
        laser_mw=100.0,
        saturation_counts=16383.0,
        settings={"exposure_s": 0.5, "laser": {"setpoint_mw": 100.0}},
        transcript_sha256=bytes_digest(with_transcript) if with_transcript else "",
    )
