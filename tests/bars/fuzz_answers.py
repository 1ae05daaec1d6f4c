"""Fuzz targets: lines of devices whose parsers live inside drivers; one answer of a dialogue is spoiled."""

from collections.abc import Callable, Sequence

from fuzz_dialogue import Device
from fuzz_target import Target, target

#: Which answer of an operation is spoiled: one of the first so many.
MOST_ANSWERS = 12


@target("Cobolt answers")
def cobolt() -> Target:
    """Lines of a Cobolt laser, one of them another one."""
    from instrument.drivers.cobolt import Cobolt
    from instrument.drivers.cobolt_facts import read_code, read_flag, read_number
    from instrument.drivers.cobolt_link import CoboltLink
    from instrument.emulators.cobolt import CoboltDialect
    from instrument.emulators.cobolt_laser import CoboltLaser
    from instrument.emulators.light import LightLog
    from instrument.errors import InstrumentError

    dialect = CoboltDialect(CoboltLaser("EMU-1", LightLog(None)))
    device = Device(lambda line: f"{dialect.answer(line.decode())}\r\n".encode())
    laser = Cobolt(device.open, pause_s=0.0, timeout_s=5.0)
    link = CoboltLink(device.open, pause_s=0.0, timeout_s=5.0)
    link.learn_fence()
    seeds = [
        b"OK\r\n",
        b"0\r\n",
        b"1\r\n",
        b"0.050000\r\n",
        b"EMU-1\r\n",
        b"Syntax error: illegal command\r\n",
    ]
    single = (
        lambda: link.ask("p?", read_number),
        lambda: link.ask("l?", read_flag),
        lambda: link.ask("f?", read_code),
        lambda: link.query("glm?"),
        lambda: link.command("p 0.01"),
    )
    return _spoiled(device, (*single * 6, laser.status, laser.settings), seeds, (InstrumentError,))


@target("IPS answers")
def ips() -> Target:
    """Lines of an IPS laser, with units and an error queue, one of them another one."""
    from instrument.drivers.ips import Ips
    from instrument.drivers.ips_link import IpsLink, quantity
    from instrument.drivers.ips_power import PowerLine
    from instrument.emulators.ips import IpsDialect
    from instrument.emulators.ips_laser import IpsLaser
    from instrument.emulators.light import LightLog
    from instrument.errors import InstrumentError

    dialect = IpsDialect(IpsLaser("EMU-1", LightLog(None), max_ma=600.0, max_mw=350.0, threshold_ma=60.0))

    def answer(line: bytes) -> bytes:
        said = dialect.answer(line.decode())
        return b"" if said is None else f"{said}\n".encode()

    device = Device(answer)
    laser = Ips(device.open, PowerLine(600.0, 350.0, 60.0), pause_s=0.0, timeout_s=5.0)
    link = IpsLink(device.open, pause_s=0.0, timeout_s=5.0)
    link.learn_fence()
    seeds = [b'0,"No error"\n', b'-224,"Illegal"\n', b'3014,"low"\n', b"250.0 mA\n", b"3, 0\n", b"27.5 C\n"]
    single = (
        lambda: link.ask("Laser:Setpoint?", quantity("mA")),
        lambda: link.ask("Laser:Temperature?", quantity("C")),
        link.errors,
        lambda: link.command("Laser:Current 80"),
    )
    return _spoiled(device, (*single * 8, laser.status, laser.settings), seeds, (InstrumentError,))


@target("FTSW500 answers")
def ftsw500() -> Target:
    """Lines of FTSW500."""
    from instrument.drivers.ftsw500_link import FtswLink
    from instrument.errors import InstrumentError

    seeds = [b"ACK\n", b"ACK&2\n", b"ACK&-1\r\n", b"NAK&not possible now\n"]
    device = Device(lambda _: b"ACK&2\n", brief_s=0.0)

    def operation(which: int) -> None:
        link = FtswLink("fuzzed", device.open)
        _ = link.state() if which % 2 else link.ask("clickStartAcquisitionButton")

    return _spoiled(device, (lambda: operation(0), lambda: operation(1)), seeds, (InstrumentError,))


def _spoiled(
    device: Device,
    operations: Sequence[Callable[[], object]],
    seeds: Sequence[bytes],
    errors: tuple[type[BaseException], ...],
) -> Target:
    """Return a target whose input is an answer behind two bytes: which operation, and which of its answers."""

    def parse(data: bytes) -> None:
        which, at = data[:1] or b"\0", data[1:2] or b"\0"
        device.begin(at[0] % MOST_ANSWERS, data[2:])
        operations[which[0] % len(operations)]()

    for operation in operations:
        device.begin()
        operation()
    prefixed = tuple(
        bytes([which, at]) + seed for which in range(len(operations)) for at in range(2) for seed in seeds
    )
    return Target((), parse, errors, extra=prefixed)
