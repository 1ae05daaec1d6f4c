"""The lines of an emulated IPS U-type laser: numbers with their units, silent commands, an error queue.

Commands, codes and units: the public module ``lumed_ips``. Text behind a code is our own.
"""

import re
from collections.abc import Callable

from .fault_source import ANY, DATA
from .ips_laser import IpsLaser
from .wire import Wire

#: Longest line believed, bytes.
MAX_LINE = 256
_NUMBER = re.compile(r"[+-]?\d{1,6}(\.\d{1,6})?")
_NO_ERROR = '0,"No error"'
_MEASUREMENTS = frozenset({"laser:current?", "laser:power?", "laser:monitor?", "laser:temperature?"})
SYNTAX = (-102, "Syntax error")
MISSING = (-109, "Missing parameter")
UNDEFINED = (-113, "Undefined header")
EXECUTION = (-200, "Execution error")
ILLEGAL = (-224, "Illegal parameter value")


class IpsDialect:
    """Lines and their answers; None for a line that gets none."""

    def __init__(self, laser: IpsLaser) -> None:
        self._laser = laser
        self._queries = self._learn_queries()
        self._setters: dict[str, Callable[[float], bool]] = {
            "laser:enable": self._enable,
            "laser:current": laser.set_current,
            "tec:setpoint": self._set_cooler,
        }

    def answer(self, line: str) -> str | None:
        """Carry out a line and return its answer; what is wrong with it goes to the error queue."""
        header, _, argument = line.strip().lower().partition(" ")
        if header.endswith("?"):
            # ``TEC:SETpoint? 1`` asks for the factory's value, which is the same here.
            query = self._queries.get(header)
            if query is None:
                self._laser.note(*UNDEFINED)
            return query() if query else None
        self._command(header, argument.strip())
        return None

    def refusal(self, code: int | None) -> bytes:
        """Return an answer to ``Error?`` that says no."""
        return f'{code or EXECUTION[0]},"{EXECUTION[1]}"\n'.encode()

    def _command(self, header: str, argument: str) -> None:
        setter = self._setters.get(header)
        if setter is None:
            self._laser.note(*UNDEFINED)
        elif not argument:
            self._laser.note(*MISSING)
        elif not _NUMBER.fullmatch(argument):
            self._laser.note(*SYNTAX)
        elif not setter(float(argument)):
            self._laser.note(*ILLEGAL)

    def _enable(self, value: float) -> bool:
        if value not in (0.0, 1.0):
            return False
        if value == 0.0:
            self._laser.switch_off()
        elif not self._laser.switch_on():
            self._laser.note(*EXECUTION)
        return True

    def _set_cooler(self, celsius: float) -> bool:
        if not 10.0 <= celsius <= 45.0:
            return False
        self._laser.cooler_c = celsius
        return True

    def _next_error(self) -> str:
        return self._laser.errors.popleft() if self._laser.errors else _NO_ERROR

    def _learn_queries(self) -> dict[str, Callable[[], str]]:
        laser = self._laser
        return {
            "*idn?": lambda: f"IPS, HPU, {laser.serial}, {laser.laser_nm:.1f} nm, 1.0.0-emulator",
            "status?": lambda: f"{laser.state_number}, {len(laser.errors)}",
            "error?": self._next_error,
            "system:error:count?": lambda: str(len(laser.errors)),
            "laser:enable?": lambda: str(int(laser.enabled)),
            "laser:current?": lambda: f"{laser.measured_ma():.1f} mA",
            "laser:setpoint?": lambda: f"{laser.current_ma:.0f} mA",
            "laser:power?": lambda: f"{laser.measured_mw():.1f} mW",
            "laser:monitor?": lambda: f"{4.0 * laser.power_mw:.0f} mV",
            "laser:temperature?": lambda: f"{laser.diode_c:.2f} C",
            "laser:hours?": lambda: "123.4 h",
            "laser:mode:analog?": lambda: "0",
            "laser:mode:digital?": lambda: "0",
            "laser:mode:pwm?": lambda: "100.0 %",
            "tec:setpoint?": lambda: f"{laser.cooler_c:.1f} C",
            "board:current?": lambda: f"{220.0 + laser.current_ma * laser.enabled:.0f} mA",
            "board:temperature?": lambda: f"{laser.board_c:.1f} C",
            "calibrate:number?": lambda: "2",
        }


async def serve_ips(dialect: IpsDialect, wire: Wire) -> None:
    """Answer lines until the client is gone; they end with LF, answers too."""
    pending = b""
    while data := await wire.read():
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            if line.strip():
                await _answer(dialect, line.decode("ascii", "replace"), wire)
        if len(pending) > MAX_LINE:
            pending = b""
            dialect.answer("too long")


async def _answer(dialect: IpsDialect, line: str, wire: Wire) -> None:
    answer = dialect.answer(line)
    if answer is None:
        return
    name = line.strip().lower().partition(" ")[0]
    await wire.reply(
        f"{answer}\n".encode("ascii", "replace"),
        refusal=dialect.refusal if name == "error?" else None,
        kind=DATA if name in _MEASUREMENTS else ANY,
        wrong=b"100.0 %\n",
    )
