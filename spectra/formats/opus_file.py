"""One OPUS file: its curves, and what it says of them."""

import numpy as np

from ..errors import FormatError
from ..values import FloatArray
from .opus_blocks import Block, Kind, Parameters, Side, Value, directory_of, numbers_of, parameters_of, real
from .reading import clean

#: Blocks of parameters believed; OPUS's own files have about a dozen.
MAX_PARAMETER_BLOCKS = 100
_DESCRIBING = (
    Parameters.ORIGIN,
    Parameters.INSTRUMENT,
    Parameters.ACQUISITION,
    Parameters.TRANSFORM,
    Parameters.OPTICS,
)


class OpusFile:
    """The blocks of one file that can matter."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.blocks = directory_of(data)
        self.parameters = self._describing()

    def result(self, kind: Kind, side: Side = Side.RESULT) -> bool:
        """Whether there are plain numbers of a kind."""
        return any(_is_plain(block, side, kind) for block in self.blocks)

    def status(self, side: Side, kind: Kind) -> dict[str, Value]:
        """Return the data parameters of the only block of a kind."""
        found = [
            block
            for block in self.blocks
            if (block.side, block.kind, block.parameters) == (side, kind, Parameters.DATA)
            and not block.derivative
            and not block.form
        ]
        if len(found) != 1:
            raise FormatError(
                f"{len(found)} descriptions of the {described_as(side, kind)}, one is due: damaged?"
            )
        return parameters_of(self._data, found[0])

    def curve(self, side: Side, kind: Kind, history: list[str]) -> tuple[FloatArray, FloatArray]:
        """Return axis (cm⁻¹) and numbers of the only block of a kind."""
        blocks = [block for block in self.blocks if _is_plain(block, side, kind)]
        if len(blocks) != 1:
            what = described_as(side, kind)
            raise FormatError(f"{len(blocks)} blocks of {what}: which one? Save one spectrum a file in OPUS")
        status = self.status(side, kind)
        numbers = numbers_of(self._data, blocks[0], status)
        first, last = real(status, "FXV"), real(status, "LXV")
        axis = np.linspace(first, last, numbers.size)
        unit = status.get("DXU")
        if unit == "WN":
            return axis, numbers
        if unit == "MI" and (axis > 0).all() and kind is not Kind.RAMAN:
            if side is Side.RESULT:
                history.append("micrometres converted to cm⁻¹")
            return np.asarray(1e4 / axis, dtype=np.float64), numbers
        raise FormatError(f"an axis in {clean(str(unit), 12)!r} is not read: save it in wavenumbers in OPUS")

    def resolution(self) -> float | None:
        """Return the resolution asked for, cm⁻¹; None where the file does not say."""
        found = self.parameters.get("RES")
        return float(found) if isinstance(found, int | float) and 0 < found < 1000 else None

    def laser_nm(self) -> float | None:
        """Return the wavelength of the Raman laser, nm; None where the file does not say."""
        if "RLW" not in self.parameters:
            return None
        wavenumber = real(self.parameters, "RLW")
        if wavenumber <= 0:
            raise FormatError(f"RLW={wavenumber:g} is no wavenumber of a laser")
        return 1e7 / wavenumber

    def _describing(self) -> dict[str, Value]:
        """Return what the file says of sample, instrument and background, and their times."""
        found: dict[str, Value] = {}
        if sum(block.parameters != Parameters.NONE for block in self.blocks) > MAX_PARAMETER_BLOCKS:
            raise FormatError(f"more than {MAX_PARAMETER_BLOCKS} blocks of parameters: damaged?")
        for block in self.blocks:
            if block.form or block.derivative:
                continue
            prefix = "background " if block.side == Side.BACKGROUND else ""
            if block.parameters in _DESCRIBING:
                held = parameters_of(self._data, block)
                found |= {f"{prefix}{name}": value for name, value in held.items()}
            elif block.parameters == Parameters.DATA and block.kind != Kind.INTERFEROGRAM:
                held = parameters_of(self._data, block)
                for name in ("DAT", "TIM"):
                    if name in held:
                        found.setdefault(f"{prefix}{name}", held[name])
        return found


def _is_plain(block: Block, side: Side, kind: Kind) -> bool:
    return (
        (block.side, block.kind) == (side, kind)
        and not block.parameters
        and block.amplitude
        and not block.derivative
        and not block.form
    )


def described_as(side: int, kind: int) -> str:
    """Return what numbers of a kind are called in a message."""
    try:
        word = Kind(kind).name.lower().replace("_", " ")
    except ValueError:
        word = f"data of kind {kind}"
    return word if side == Side.RESULT else f"{Side(side).name.lower()}'s {word}"
