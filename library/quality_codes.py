"""The one table of what quality control can find: how serious it is, what it means, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How serious a finding is."""

    REFUSE = "refuse"
    """The entry is not imported unless a person accepts the code."""
    CHECK = "check"
    """It is imported, and a person should look at it."""
    NOTE = "note"
    """Worth knowing; nobody has to do anything."""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding."""

    code: str
    """Word used in reports, programs and ``--accept``."""
    severity: Severity
    """How serious it is."""
    text: str
    """The finding, in a sentence for people."""
    next_step: str
    """What a person does now; empty for most notes."""


_REFUSE, _CHECK, _NOTE = Severity.REFUSE, Severity.CHECK, Severity.NOTE

_TABLE = (
    # one spectrum
    Code("flat", _REFUSE, "All intensities are the same.", "Measure again, or export the file anew."),
    Code(
        "no_signal",
        _REFUSE,
        "No band stands out of the noise.",
        "Measure longer or closer; a reference of noise matches anything weak.",
    ),
    Code(
        "saturated",
        _REFUSE,
        "The strongest band is cut off flat: the detector was saturated.",
        "Measure again with less exposure or laser power.",
    ),
    Code("weak", _CHECK, "The signal is weak for a reference.", "Measure longer."),
    Code(
        "out_of_range",
        _CHECK,
        "It covers less than half of the range that is compared: no search will use it.",
        "Measure the fingerprint range.",
    ),
    Code("range_short", _NOTE, "It covers only a part of the range that is compared.", ""),
    Code("coarse", _CHECK, "Its channels are too far apart.", "Export with all channels of the instrument."),
    Code(
        "axis_gap",
        _CHECK,
        "Channels are missing inside it, and would be bridged by a straight line.",
        "Look where, and export the whole range.",
    ),
    Code(
        "axis_suspect",
        _CHECK,
        "Its bands lie beside the known bands of the substance.",
        "Recalibrate the instrument's axis and measure again.",
    ),
    Code(
        "bands_missing",
        _CHECK,
        "It does not show the known bands of the substance it is named after.",
        "Check which sample it was; another form or salt must say so.",
    ),
    Code(
        "cosmic_rays",
        _CHECK,
        "It holds cosmic rays.",
        "Measure again, or import a copy that was cleaned openly.",
    ),
    Code(
        "negative",
        _CHECK,
        "Many of its intensities are far below zero.",
        "Find out what was subtracted; import the spectrum as measured.",
    ),
    Code(
        "filled",
        _CHECK,
        "A stretch of its channels holds one and the same number: filled in, not measured.",
        "Export only what was measured.",
    ),
    Code(
        "resolution_doubtful",
        _CHECK,
        "A band is narrower than the resolution the file claims.",
        "Correct the resolution, or look for a spike.",
    ),
    Code("blunt", _NOTE, "Its narrowest band is broad: a blunt instrument, or a liquid.", ""),
    Code("fluorescent", _NOTE, "Most of it is background.", ""),
    # what is said about it
    Code(
        "name_conflict",
        _CHECK,
        "Its name and its InChIKey or CAS number are of different substances.",
        "Ask which it is.",
    ),
    Code(
        "control_lowered",
        _CHECK,
        "It counts as not controlled, but the substance table lists it as controlled.",
        "Confirm the schedule, or leave it to the table.",
    ),
    Code(
        "name_unknown",
        _NOTE,
        "The substance table does not know its name.",
        "A slip is mended with 'library edit'.",
    ),
    Code("name_variant", _NOTE, "The substance table prefers another spelling or name.", ""),
    # against the others
    Code(
        "same_numbers",
        _CHECK,
        "Another entry of another compound holds the same numbers.",
        "Ask which name is right, and remove the other.",
    ),
    Code(
        "same_or_alike",
        _CHECK,
        "Practically the same spectrum stands under the name of another compound.",
        "Ask whether they are one substance (add the synonym) or one sample was mixed up.",
    ),
    Code(
        "unlike_same_name",
        _CHECK,
        "It does not look like the other entries of its own substance.",
        "Check sample and form of both.",
    ),
    Code(
        "edited_since",
        _REFUSE,
        "The library's entry was edited or authenticated by a person; importing it would undo that.",
        "Accept it to take the file's facts, or leave the file out.",
    ),
    Code(
        "held_already",
        _REFUSE,
        "The library holds this very spectrum already, under another identifier.",
        "Leave it out; nothing would be added.",
    ),
    Code("alike", _NOTE, "Another substance has a very similar spectrum.", ""),
    Code("duplicate", _NOTE, "The library holds this compound under another name as well.", ""),
)

#: Every kind of finding by its code; the order is the order in which reports list them.
CODES: dict[str, Code] = {one.code: one for one in _TABLE}

#: Codes that keep an entry out unless they are accepted.
REFUSING = frozenset(one.code for one in _TABLE if one.severity is Severity.REFUSE)
