"""What an emulated Spektralwerk Core is set to, and the commands that set it."""

from collections.abc import Callable

from .scpi import ILLEGAL_VALUE, ScpiError, number_within
from .spektralwerk_spectra import FORMATS

#: Carries out a command or answers a query.
Handler = Callable[[str], str | None]

_CONFIG = "MEASure:SPECtrum:CONFig:"
_STEPS = ("none", "average", "binning", "reference_dark", "reference_light", "roi")
_TRIGGERS = ("none", "input,rising", "input,falling", "input,both")
_DEFAULT_WORDS = {"FORMat": "human", "TRIGger": "none", "PROCessing": "none"}
# Setting: (smallest, largest, default, unit). Limits are the emulator's own.
_NUMBERS: dict[str, tuple[float, float, float, str]] = {
    "EXPosure:TIME": (100, 10_000_000, 20_000, "us"),
    "AVERage:NUMBer": (1, 1000, 1, ""),
    "BINNing:WIDTh": (1, 64, 1, ""),
    "COUNt": (0, 1_000_000, 1, ""),
}


class SpektralwerkSetup:
    """Numbers, words and region of one instrument."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self.reset()

    def reset(self) -> None:
        """Be set as at power-on."""
        self.numbers = {name: default for name, (_, _, default, _) in _NUMBERS.items()}
        self.words = dict(_DEFAULT_WORDS)
        self.roi = (0, self._pixels - 1)

    def teach(self, learn: Callable[[str, Handler], None]) -> None:
        """Teach the commands and queries of all settings."""
        for name, (low, high, default, unit) in _NUMBERS.items():
            learn(f"{_CONFIG}{name}", self._number_setter(name))
            learn(f"{_CONFIG}{name}?", self._number_getter(name))
            for suffix, value in (("MINimum", low), ("MAXimum", high), ("DEFault", default)):
                learn(f"{_CONFIG}{name}:{suffix}?", _always(f"{value:.0f}"))
            learn(f"{_CONFIG}{name}:UNIT?", _always(unit))
        for name, allowed, joined in (
            ("FORMat", FORMATS, False),
            ("TRIGger", _TRIGGERS, False),
            ("PROCessing", _STEPS, True),
        ):
            learn(f"{_CONFIG}{name}", self._word_setter(name, allowed, joined=joined))
            learn(f"{_CONFIG}{name}?", self._word_getter(name))
        learn(f"{_CONFIG}ROI", self._set_roi)
        learn(f"{_CONFIG}ROI?", lambda _: f"{self.roi[0]},{self.roi[1]}")

    def _number_getter(self, name: str) -> Handler:
        return lambda _: f"{self.numbers[name]:.0f}"

    def _word_getter(self, name: str) -> Handler:
        return lambda _: self.words[name]

    def _number_setter(self, name: str) -> Callable[[str], None]:
        low, high = _NUMBERS[name][:2]

        def put(argument: str) -> None:
            self.numbers[name] = float(round(number_within(argument, low, high)))

        return put

    def _word_setter(self, name: str, allowed: tuple[str, ...], *, joined: bool) -> Callable[[str], None]:
        def put(argument: str) -> None:
            words = [word.strip().lower() for word in argument.split(",")] if joined else [argument.lower()]
            if not set(words or ["none"]) <= {*allowed, *([""] if joined else [])}:
                raise ScpiError(*ILLEGAL_VALUE)
            self.words[name] = ",".join(word for word in words if word) or "none"

        return put

    def _set_roi(self, argument: str) -> None:
        first, _, last = argument.partition(",")
        top = self._pixels - 1
        start = int(number_within(first, 0, top))
        self.roi = (start, int(number_within(last, start, top)))


def _always(text: str) -> Handler:
    return lambda _: text
