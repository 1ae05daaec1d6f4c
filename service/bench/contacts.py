"""Accessories that touch the sample: after an alarm the next item waits for a clean blank.

What was left on an ATR crystal or in a vial holder would be found in the next parcel, and name an
innocent one. Which accessory may be soiled is kept in the file of the outbox, flushed to the disk,
so that it outlives the agent.
"""

import json
from dataclasses import asdict, dataclass

from instrument.config import BenchConfig
from spectra.values import Presentation

from .notes import rfc3339, utc_now
from .outbox import Outbox
from .refusals import AccessoryUnclean

_PREFIX = "contact:"
#: Begins what stands for the item where a known sample was measured; no label is written in lower case.
REFERENCE = "reference "

#: How samples lie on an accessory; also what a blank of it is.
PRESENTED = {"atr": Presentation.ATR, "vial": Presentation.VIAL}
#: What people call an accessory.
CALLED = {"atr": "the ATR crystal", "vial": "the vial holder"}


@dataclass(frozen=True, slots=True)
class Soiled:
    """An accessory that may hold what was found."""

    device: str
    """Identity of the instrument, ``model/serial``."""
    name: str
    """What the device is called at this bench."""
    accessory: str
    """``atr`` or ``vial``."""
    item: str
    """Item that alarmed on it; empty where a blank of it did."""
    since: str
    """RFC 3339, UTC."""

    @property
    def words(self) -> str:
        """What happened and what to do, in a sentence."""
        called = CALLED[self.accessory]
        after = f"item {self.item} raised an alarm on it" if self.item else "its last blank was not clean"
        if self.item.startswith(REFERENCE):
            after = f"{self.item} lay on it"
        return f"clean {called} of {self.name}, then take a blank of it: {after} at {self.since}"


class Contacts:
    """Which accessories of a bench wait to be cleaned.

    Parameters
    ----------
    outbox
        Its file keeps them.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def soil(self, device: str, name: str, accessory: str, *, item: str) -> None:
        """Note that an accessory of an instrument may hold what was found in an item; see `Soiled`."""
        note = Soiled(device, name, accessory, item, rfc3339(utc_now()))
        self._outbox.set_state(f"{_PREFIX}{device}/{accessory}", json.dumps(asdict(note)))

    def clean(self, device: str, accessory: str) -> None:
        """Note that a blank of an instrument's accessory was judged clean."""
        for key, text in self._outbox.states(_PREFIX).items():
            # By what the note says: early ones had the instrument alone as their key.
            note = Soiled(**json.loads(text))
            if (note.device, note.accessory) == (device, accessory):
                self._outbox.set_state(_PREFIX + key, None)

    def of(self, device: str) -> Soiled | None:
        """Return what waits to be cleaned at an instrument, the first of several; None where nothing does."""
        return next((one for one in self.soiled() if one.device == device), None)

    def soiled(self) -> tuple[Soiled, ...]:
        """Return every accessory that waits to be cleaned, by instrument."""
        return tuple(Soiled(**json.loads(text)) for text in self._outbox.states(_PREFIX).values())

    def check(self, device: str, *, but: str = "") -> None:
        """Raise `AccessoryUnclean` while an instrument's accessory waits to be cleaned.

        ``but`` names an item that may lie on it again: the next scan of the same sample.
        """
        for found in self.soiled():
            if found.device == device and not (but and found.item == but):
                raise AccessoryUnclean(f"nothing was fired: {found.words}")


def remark(device: str, accessory: str) -> dict[str, dict[str, str]]:
    """Return what a scan's settings say of what touched the sample; empty where nothing did."""
    return {"contact": {"device": device, "accessory": accessory}} if accessory else {}


def accessory_of(config: BenchConfig, presentation: Presentation) -> str:
    """Return what touches the sample, ``atr`` or ``vial``; empty for a probe that stands off."""
    return config.contact or ("atr" if presentation is Presentation.ATR else "")


def usual_presentation(contact: str, otherwise: Presentation) -> Presentation:
    """Return how samples are presented to a device with an accessory (empty: none) where nobody says it."""
    return PRESENTED.get(contact, otherwise)
