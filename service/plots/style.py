"""How pictures tell things apart: by colour, and without colour by line, filling, number and word."""

from dataclasses import dataclass

from spectra.values import Technique

#: Colours that keep apart with impaired colour vision: Okabe & Ito, https://jfly.uni-koeln.de/color/
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: More curves in one picture cannot be told apart.
MAX_CURVES = 32
#: Width of all pictures in inches, and their dots per inch.
WIDTH, DPI = 9.0, 110
X_LABEL = {Technique.RAMAN: "Raman shift / cm⁻¹", Technique.FTIR: "wavenumber / cm⁻¹"}
Y_LABEL = {Technique.RAMAN: "intensity", Technique.FTIR: "absorbance"}

#: The fit lies under the scan, broad and pale, so that both are seen where they agree.
FIT_COLOUR = COLOURS[5]
#: Longest text drawn on one line, characters.
LONGEST = 100

#: Latin with its extensions, Greek, Cyrillic: of these matplotlib's own font has every letter.
_LETTERS = (range(0x20, 0x250), range(0x384, 0x460))

Dashes = tuple[float, ...]

#: Lines of components, in points drawn and left out; the empty tuple is a solid line.
_CONTENT: tuple[tuple[str, Dashes], ...] = (
    (COLOURS[1], ()),
    (COLOURS[2], (5.0, 1.5)),
    (COLOURS[3], (5.0, 1.5, 1.0, 1.5)),
    (COLOURS[4], (1.5, 1.0)),
    (COLOURS[6], (9.0, 2.0, 1.0, 2.0, 1.0, 2.0)),
)
_CONTAINER: tuple[tuple[str, Dashes], ...] = (("#767676", (1.0, 1.2)), ("#4A4A4A", (3.0, 1.2)))
_HATCHES = ("////", "\\\\\\\\")


@dataclass(frozen=True, slots=True)
class Look:
    """How one component is drawn."""

    colour: str
    """Hexadecimal colour."""
    dashes: Dashes
    """Points drawn and left out, in turn; empty for a solid line."""
    hatch: str = ""
    """Filling of the area under a container's curve; empty for content, which has none."""


def look_of(*, container: bool, place: int) -> Look:
    """Return how the component number ``place`` (from 0) of its kind is drawn."""
    if container:
        colour, dashes = _CONTAINER[place % len(_CONTAINER)]
        return Look(colour, dashes, _HATCHES[place % len(_HATCHES)])
    colour, dashes = _CONTENT[place % len(_CONTENT)]
    return Look(colour, dashes)


def drawable(text: str, longest: int = LONGEST) -> str:
    """Return a text the shipped font can draw: names in files may hold anything.

    Latin with its extensions, Greek and Cyrillic are kept, and the signs this program uses itself;
    anything else becomes a question mark.
    """
    kept = "".join(
        char
        if (char.isprintable() and any(ord(char) in known for known in _LETTERS)) or char in "⁻¹−–—…×·≥≤→▲○■"
        else "?"
        for char in text
    )
    return kept if len(kept) <= longest else f"{kept[: longest - 1]}…"
