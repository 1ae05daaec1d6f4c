"""The officers who may sign in at a bench.

Wrong tries are counted in the file: neither a restart nor a second program starts the count again.
"""

import hmac
import secrets
import time
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ..errors import UsageError
from .notes import rfc3339, utc_now
from .officers_file import OfficerNote, OfficersFile, Table
from .refusals import LockedOut, WrongBadgeOrPin

#: More officers than any bench has.
MAX_OFFICERS = 500
MAX_NAME = 64

#: Wrong PINs in a row after which an officer is locked out until a new PIN is set (chosen; NIST SP 800-63B,
#: section 5.2.2, allows no more than 100).
MAX_TRIES = 5
#: Pause after the first wrong try, s; each further one doubles it, up to the longest (chosen).
PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Officers:
    """The officers of one bench.

    Parameters
    ----------
    path
        Their file; it is made when the first officer is added.
    """

    def __init__(self, path: Path) -> None:
        self._file = OfficersFile(path)

    def all(self) -> tuple[OfficerNote, ...]:
        """Return every officer, by name; raises `SettingsError` for a damaged file."""
        return self._file.read().officers

    def add(self, name: str, badge: str, pin: str) -> OfficerNote:
        """Register an officer; raises `UsageError` for a name or badge that is known, or an unfit PIN."""
        name, badge, pin = clean_name(name), clean_badge(badge), checked_pin(pin)
        with self._file.changing() as table:
            digest = self._file.digest(badge, table.salt)
            if any(one.name.casefold() == name.casefold() for one in table.officers):
                raise UsageError(f"an officer called {name} is registered; remove that one first")
            if _of_badge(table, digest) is not None:
                raise UsageError("that badge belongs to another officer")
            if len(table.officers) >= MAX_OFFICERS:
                raise UsageError(f"a bench has at most {MAX_OFFICERS} officers")
            note = OfficerNote(name, digest, *self._new_pin(pin), rfc3339(utc_now()))
            self._file.write(replace(table, officers=(*table.officers, note)))
        return note

    def remove(self, name: str) -> OfficerNote:
        """Take an officer off the list; raises `UsageError` for one who is not on it."""
        with self._file.changing() as table:
            note = _named(table, name)
            left = tuple(one for one in table.officers if one is not note)
            self._file.write(replace(table, officers=left))
        return note

    def reset_pin(self, name: str, pin: str) -> OfficerNote:
        """Set a new PIN, which ends a lock-out; raises `UsageError` for an unknown officer or unfit PIN."""
        pin = checked_pin(pin)
        with self._file.changing() as table:
            note = _named(table, name)
            salt, digest = self._new_pin(pin)
            fresh = replace(note, salt=salt, pin=digest, tries=0, wait_until=0.0)
            self._file.write(table.with_officer(note, fresh))
        return fresh

    def check(self, badge: str, pin: str) -> str:
        """Return the name of the officer to whom badge and PIN belong.

        Raises
        ------
        WrongBadgeOrPin
            They belong to nobody; which of them is wrong is not told.
        LockedOut
            Too many wrong tries: wait, or let a new PIN be set.
        """
        with self._file.changing() as table:
            note = _of_badge(table, self._file.digest(badge.strip()[:MAX_NAME], table.salt))
            _check_wait(table if note is None else note)
            if note is not None and is_locked(note):
                raise LockedOut("locked after too many wrong PINs: a technician sets a new PIN")
            # Also without such a badge, so that the time of the answer does not tell.
            given = self._file.digest(pin[:MAX_NAME], note.salt if note else table.salt)
            if note is not None and hmac.compare_digest(given, note.pin):
                self._file.write(table.with_officer(note, replace(note, tries=0, wait_until=0.0)))
                return note.name
            self._file.write(_after_wrong(table, note))
        raise WrongBadgeOrPin("badge and PIN do not belong together")

    def _new_pin(self, pin: str) -> tuple[str, str]:
        salt = secrets.token_hex(16)
        return salt, self._file.digest(pin, salt)


def is_locked(note: OfficerNote) -> bool:
    """Return whether only a new PIN lets an officer in."""
    return note.tries >= MAX_TRIES


def clean_name(text: str) -> str:
    """Return an officer's name as records carry it; raises `UsageError` for one that does not fit."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(f"an officer's name has 1 to {MAX_NAME} printable characters")
    return name


def clean_badge(text: str) -> str:
    """Return a badge's barcode as it is read; raises `UsageError` for one that does not fit."""
    badge = text.strip()
    if not 4 <= len(badge) <= MAX_NAME or not badge.isprintable():
        raise UsageError(f"a badge's barcode has 4 to {MAX_NAME} printable characters")
    return badge


def checked_pin(pin: str) -> str:
    """Return a PIN; raises `UsageError` unless it has 4 to 12 digits that are not the first to be guessed."""
    if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 12):
        raise UsageError("a PIN has 4 to 12 digits")
    steps = {(int(later) - int(digit)) % 10 for digit, later in pairwise(pin)}
    if steps in ({0}, {1}, {9}):
        raise UsageError("that PIN is the first to be guessed: no 1111, no 1234, no 9876")
    return pin


def _check_wait(held: Table | OfficerNote) -> None:
    wait = held.wait_until - time.time()
    # A longer wait than any means that the clock was set back.
    if 0.0 < wait <= LONGEST_PAUSE_S:
        raise LockedOut(f"wait {max(wait, 1.0):.0f} s before the next try")


def _after_wrong(table: Table, note: OfficerNote | None) -> Table:
    """Return the table after a wrong PIN of an officer, or an unknown badge."""
    tries = table.tries if note is None else note.tries
    until = time.time() + min(PAUSE_S * 2.0 ** min(tries, 16), LONGEST_PAUSE_S)
    if note is None:
        return replace(table, tries=tries + 1, wait_until=until)
    return table.with_officer(note, replace(note, tries=tries + 1, wait_until=until))


def _of_badge(table: Table, digest: str) -> OfficerNote | None:
    return next((one for one in table.officers if hmac.compare_digest(one.badge, digest)), None)


def _named(table: Table, name: str) -> OfficerNote:
    wanted = clean_name(name).casefold()
    found = next((one for one in table.officers if one.name.casefold() == wanted), None)
    if found is None:
        raise UsageError(f"no officer called {name} is registered; see opioscan officer list")
    return found
