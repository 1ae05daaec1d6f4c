"""The ASCII dialect of an emulated Cobolt 08-NLD, a 785 nm Raman laser.

Commands and their meaning: the maker's pycobolt, and the command lists of pyLabLib and python-microscope.
Power is in W in this dialect. A refused switch-on answers a syntax error, as autostart mode does on the
hardware.
"""

from collections.abc import Callable

from .cobolt_laser import MAX_CURRENT_MA, MAX_POWER_MW, CoboltLaser
from .fault_source import ANY, DATA
from .wire import Wire

#: Longest command line believed, bytes.
MAX_LINE = 256
_MEASUREMENTS = frozenset({"pa?", "i?", "rlc?", "rbpt?", "rtect?"})
OK, REFUSED = "OK", "Syntax error: not allowed"


class CoboltDialect:
    """Command lines and their answers."""

    def __init__(self, laser: CoboltLaser) -> None:
        self._laser = laser
        self._queries: dict[str, Callable[[], str]] = self._learn_queries()
        self._commands: dict[str, Callable[[], bool | None]] = {
            "?": lambda: True,
            "l1": lambda: not laser.autostart and laser.switch_on(),
            "l0": laser.switch_off,
            "@cob1": laser.start_sequence,
            "@cob0": laser.switch_off,
            "abort": laser.switch_off,
            "restart": laser.start_sequence,
            "cp": lambda: laser.set_mode("cp"),
            "ci": lambda: laser.set_mode("ci"),
            "em": lambda: laser.set_mode("em"),
            "cf": laser.clear_fault,
        }
        self._setters: dict[str, Callable[[float], bool]] = {
            "p": lambda watts: laser.set_number("setpoint_mw", watts * 1e3, MAX_POWER_MW),
            "slc": lambda milliamperes: laser.set_number("current_ma", milliamperes, MAX_CURRENT_MA),
            "@cobas": lambda on: on in (0, 1) and laser.set_number("autostart", on, 1),
        }

    def answer(self, line: str) -> str:
        """Return the answer to one command line, without its line end."""
        self._laser.tick()
        name, _, argument = line.strip().lower().partition(" ")
        if not argument:
            if name in self._queries:
                return self._queries[name]()
            if name in self._commands:
                return REFUSED if self._commands[name]() is False else OK
        elif name in self._setters:
            try:
                value = float(argument)
            except ValueError:
                return f"Syntax error: illegal value {argument[:20]}"
            return OK if self._setters[name](value) else REFUSED
        return "Syntax error: illegal command"

    def _learn_queries(self) -> dict[str, Callable[[], str]]:
        laser = self._laser

        def current() -> str:
            return f"{MAX_CURRENT_MA * laser.power_mw / MAX_POWER_MW:.1f}"

        def everything() -> str:
            # Of this list only the eighth field is publicly known: 0 current, 1 power, 2 modulation.
            return " ".join(["0"] * 7 + [str(("ci", "cp", "em").index(laser.mode))])

        return {
            "ra?": everything,
            "sn?": lambda: laser.serial,
            "gsn?": lambda: laser.serial,
            "glm?": lambda: f"{round(laser.laser_nm):04d}-08-01-0500-100",
            "gcn?": lambda: "opioscan emulator",
            "gfv?": lambda: "10.2.1",
            "gfd?": lambda: "2024-01-01",
            "gfbd?": lambda: "2024-01-01",
            "l?": lambda: str(int(laser.enabled)),
            "@cobas?": lambda: str(int(laser.autostart)),
            "@cobasks?": lambda: str(int(laser.key_on)),
            "p?": lambda: f"{laser.setpoint_mw * 1e-3:.6f}",
            "pa?": lambda: f"{laser.measured_mw() * 1e-3:.6f}",
            "glc?": lambda: f"{laser.current_ma:.1f}",
            "i?": current,
            "rlc?": current,
            "ilk?": lambda: str(int(not laser.interlock_closed)),
            "f?": lambda: str(laser.fault),
            "gom?": lambda: str(laser.operating_mode),
            "hrs?": lambda: "123.45",
            "rbpt?": lambda: f"{laser.baseplate_c:.2f}",
            "rtect?": lambda: f"{laser.tec_c:.2f}",
            "gmlp?": lambda: f"{MAX_POWER_MW:.1f}",
            "gmlc?": lambda: f"{MAX_CURRENT_MA:.1f}",
        }


async def serve_cobolt(dialect: CoboltDialect, wire: Wire) -> None:
    """Answer command lines until the client is gone; lines end with CR, LF or both, answers with CR LF."""
    pending = b""
    while data := await wire.read():
        *lines, pending = (pending + data).replace(b"\n", b"\r").split(b"\r")
        for line in lines:
            if line.strip():
                await _answer(dialect, line.decode("ascii", "replace"), wire)
        if len(pending) > MAX_LINE:
            pending = b""
            await wire.reply(b"Syntax error: line too long\r\n")


async def _answer(dialect: CoboltDialect, line: str, wire: Wire) -> None:
    name = line.strip().lower()
    await wire.reply(
        _line(dialect.answer(line)),
        refusal=_line(REFUSED),
        kind=DATA if name in _MEASUREMENTS else ANY,
        # What no question but its own can be answered with: others could not be told from the right answer.
        wrong=_line(dialect.answer("sn?" if name == "glm?" else "glm?")),
    )


def _line(text: str) -> bytes:
    return f"{text}\r\n".encode("ascii", "replace")
