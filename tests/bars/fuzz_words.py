"""Fuzz targets: what people and programs write: URLs, fault specifications, control lines, messages."""

from fuzz_target import Target, target


@target("device URL")
def device_url() -> Target:
    """Device URLs, up to a bench's configuration."""
    from instrument.config import bench_config
    from instrument.errors import InstrumentError
    from instrument.registry import check_laser_url, check_spectrometer_url

    seeds = (
        b"obp+serial:///dev/ttyUSB0?model=STS&baud=115200&laser_nm=785&power_mw=100",
        b"obp+tcp://192.168.254.254:57357?model=FX&laser_nm=785.0&warning_s=1&contact=vial&emulated=1",
        b"visa://TCPIP0::192.168.1.20::5025::SOCKET?driver=spektralwerk&laser_nm=1064",
        b"obp+serial:///dev/ttyUSB0?model=STS&laser_nm=785&laser=cobolt%2Bserial%3A%2F%2F%2Fdev%2FttyUSB1",
    )

    def parse(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        url = check_spectrometer_url(text)
        _ = url.key, url.emulated
        bench_config(text, None)
        if (laser := url.params.get("laser")) is not None:
            check_laser_url(laser)

    return Target(seeds, parse, (InstrumentError,))


@target("fault specification")
def fault_spec() -> Target:
    """What ``--fault`` takes."""
    from instrument.emulators.faults import parse_faults
    from instrument.errors import InstrumentError

    seeds = (b"drop:0.1,delay:0.2:1.5", b"nack:1:7, corrupt:0.001,garbage:1e-3", b"disconnect:0.5:2")
    return Target(seeds, lambda data: parse_faults(data.decode("latin-1")), (InstrumentError,))


@target("guardian line")
def guardian_line() -> Target:
    """Lines on the guardian's socket, in pieces."""
    from instrument.errors import InstrumentError
    from instrument.guardian.wire import LineParser, encode, error_from

    seeds = (
        encode({"id": 7, "op": "set_power", "power_mw": 100.0}) + encode({"op": "beat"}),
        encode({"id": 7, "ok": False, "error": "InterlockOpen", "message": "it is open"}),
        encode({"event": "state", "state": "laser_may_be_on", "reason": "x", "info": {"model": "m"}}),
    )

    def parse(data: bytes) -> None:
        parser = LineParser(4096)
        middle = len(data) // 2
        for message in (*parser.feed(data[:middle]), *parser.feed(data[middle:])):
            if not isinstance(error_from(message), InstrumentError):
                raise AssertionError("an error of another tree")

    return Target(seeds, parse, (InstrumentError,))


@target("VISA resource")
def visa_resource() -> Target:
    """PyVISA's names of sockets and serial ports, as far as we take them."""
    from instrument.errors import InstrumentError
    from instrument.transport.visa_session import VisaAddress

    seeds = (b"TCPIP0::192.168.1.20::5025::SOCKET", b"ASRL/dev/ttyUSB0::INSTR", b"ASRL3::INSTR")
    return Target(seeds, lambda data: VisaAddress.parse(data.decode("latin-1")), (InstrumentError,))


@target("control line")
def control_line() -> Target:
    """Lines on an emulator's control socket: each is answered with an object, whatever it says."""
    import json

    from instrument.emulators.control import obey
    from instrument.emulators.fault_source import FaultSource
    from instrument.emulators.faults import FaultSpecError
    from instrument.emulators.scene import Scene

    scene, faults = Scene(laser_nm=785.0), FaultSource(seed=1)
    # What a real device does with its own faults is another matter; here each of them can happen.
    faults.device_fault, faults.power_cut = (lambda fault: True), (lambda: None)

    def apply(message: dict[str, object]) -> dict[str, object]:
        faults.control(message)
        scene.control({name: value for name, value in message.items() if name != "sample"})
        return {**scene.state(), **faults.state()}

    seeds = (
        b'{"once": "nack:7", "on": "data"}',
        b'{"faults": "drop:0.1,delay:0.2:1.5"}',
        b'{"brightness": 0.5, "fluorescence": 2, "axis_shift_cm1": -3.5}',
        b'{"lamp": "neon+argon", "drift_cm1_per_h": 0.5, "laser_error_nm": -0.3, "axis_stretch_percent": 1}',
        b'{"faults": ""}',
    )

    def parse(data: bytes) -> None:
        answer = obey(data, apply)
        if not isinstance(answer, dict) or not json.dumps(answer):
            raise AssertionError("no answer")
        faults.control({"faults": ""})

    return Target(seeds, parse, (FaultSpecError,))


@target("report beside a spectrum")
def report() -> Target:
    """Reports that closed handhelds export: text, XML, JSON."""
    from instrument.drop_folder.answers import answer_in_report
    from instrument.errors import InstrumentError

    seeds = (
        b"Sample: P-17\nResult: Ibuprofen\nHQI: 0.93\nInstrument; X-1\n",
        b'{"result": {"name": "Ibuprofen", "hqi": 0.93, "items": [{"match": "x", "score": 12}]}}',
        b"<report><result>Ibuprofen</result><hqi unit='1'>0,93</hqi><a:b>x &amp; y</a:b></report>",
    )

    def parse(data: bytes) -> None:
        for name in ("report.txt", "report.xml", "report.json"):
            answer_in_report(name, data)

    return Target(seeds, parse, (InstrumentError,))
