"""Who is at the bench: one officer at a time, for a shift, until signed out, relieved, or idle for too long.

The sign-in is the bench's, not the browser's: whoever stands there works under the name that the page shows.
What the officer before has answered, about eyewear or about an item, counts for nobody else.
"""

import getpass
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import awake_or_not
from ..errors import UsageError
from ..settings import Settings
from .officers import Officers, clean_name
from .refusals import NotSignedIn

if TYPE_CHECKING:
    from .safety import Shift

#: What is added to a name that nobody proved with badge and PIN.
SAID, ACCOUNT = "not signed in", "computer account"


@dataclass(slots=True)
class _Session:
    name: str
    began: float
    used: float


class SigningIn:
    """The officer at one bench.

    Parameters
    ----------
    settings
        Whether officers must sign in, and for how long that is good.
    officers
        Who may.
    shift
        What the people at the bench have answered; it ends with each of them.
    clock
        Returns the time, s, never set back, and going on while the machine sleeps.
    """

    def __init__(
        self,
        settings: Settings,
        officers: Officers,
        shift: "Shift",
        *,
        clock: Callable[[], float] = awake_or_not,
    ) -> None:
        self._settings = settings
        self._officers = officers
        self._shift = shift
        self._clock = clock
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever another officer, or nobody, is at the bench: forms of before are void."""

    @property
    def required(self) -> bool:
        """Whether nobody scans without having signed in."""
        wanted = self._settings.require_sign_in
        return bool(self._officers.all()) if wanted is None else wanted

    @property
    def offered(self) -> bool:
        """Whether there is anybody who could sign in, or nobody may work without."""
        return self.required or bool(self._officers.all())

    @property
    def officer(self) -> str:
        """Name of the officer who is signed in; empty for nobody."""
        with self._lock:
            session = self._session
            if session is None:
                return ""
            now = self._clock()
            name = session.name
            old = now - session.began > self._settings.shift_hours * 3600
            idle = now - session.used > self._settings.idle_minutes * 60
        # One who was taken off the list meanwhile is nobody here.
        if not old and not idle and any(one.name == name for one in self._officers.all()):
            return name
        self._end(session)
        return ""

    def touch(self) -> None:
        """Take note that the officer does something at the bench."""
        if self.officer:
            with self._lock:
                if self._session is not None:
                    self._session.used = self._clock()

    def sign_in(self, badge: str, pin: str) -> str:
        """Let an officer in, in place of the one before, and return the name; raises as `Officers.check`."""
        name = self._officers.check(badge, pin)
        now = self._clock()
        with self._lock:
            self._session = _Session(name, now, now)
        self._ended()
        return name

    def sign_out(self) -> None:
        """Nobody is at the bench from now on."""
        with self._lock:
            self._session = None
        self._ended()

    def _end(self, session: _Session) -> None:
        """End a session that is over, unless another officer signed in meanwhile."""
        with self._lock:
            if self._session is not session:
                return
            self._session = None
        self._ended()

    def operator_for(self, said: str = "", account: str = "") -> str:
        """Return the name that a record carries.

        Parameters
        ----------
        said
            Name somebody gave; empty for none.
        account
            Account of the computer that asks; empty for unknown.

        Raises
        ------
        NotSignedIn
            Only officers who are signed in may scan, and nobody, or somebody else, is.
        """
        officer = self.officer
        wanted = clean_name(said) if said.strip() else ""
        if officer and wanted.casefold() in {"", officer.casefold()}:
            return officer
        if self.required:
            who = f"{officer} is signed in, not {wanted}" if officer else "nobody is signed in"
            raise NotSignedIn(f"nothing was fired: {who}; sign in on the bench page with badge and PIN")
        if wanted:
            return f"{wanted} ({SAID})"
        return f"{clean_name(account)} ({ACCOUNT})" if account.strip() else ""

    def need(self) -> None:
        """Raise `NotSignedIn` where officers must sign in and nobody has."""
        if not self.officer and self.required:
            raise NotSignedIn("nobody is signed in: sign in with badge and PIN")

    def _ended(self) -> None:
        self._shift.end()
        self.on_change()


def account_name() -> str:
    """Return the account this program runs under, empty where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def check_operator(text: str) -> str:
    """Return a name given on the command line; raises `UsageError` for one that does not fit."""
    if text and not text.strip():
        raise UsageError("--operator is empty")
    return clean_name(text) if text else ""
