"""What the agent says no to.

::

    AgentRefused
    ├── DeviceBusy          a scan is under way on the device
    ├── BlankUnusable       the blank is unknown, expired or of another instrument
    │   └── BlankRefused    what was scanned is no empty container: it becomes nothing
    │       └── ResidueFound  it holds what would be found in the next sample
    ├── AccessoryUnclean    what touches the sample waits for a clean blank since an alarm
    ├── NotVerified         a reference is measured only with an instrument that was verified
    ├── NotConfirmed        eyewear or the item's question has no answer yet
    ├── PossiblyEnergetic   the item may be energetic: the agency's procedure applies
    ├── FormUsed            a page's one-shot token was used before
    ├── NotSignedIn         only officers who are signed in may scan, and nobody is
    ├── WrongBadgeOrPin     badge and PIN do not belong together
    │   └── LockedOut       too many wrong tries
    ├── NothingOpen         no screening of that item is open
    ├── WrongToken          the local token is missing or wrong
    ├── ForeignOrigin       a form that is not ours
    ├── ForeignHost         a request for another host
    └── ShuttingDown        the agent is about to end

Their codes and HTTP statuses are in `service.problems`, like those of every other error.
"""

from ..errors import AgentRefused


class DeviceBusy(AgentRefused):
    """A scan is under way on the device."""


class BlankUnusable(AgentRefused):
    """The blank is unknown, expired, of another instrument, or refused."""


class BlankRefused(BlankUnusable):
    """What was scanned holds what no empty container holds: it becomes no blank."""


class ResidueFound(BlankRefused):
    """What was scanned as empty holds something that would be found in the next sample."""


class AccessoryUnclean(AgentRefused):
    """What touches the sample may hold what alarmed before: it waits to be cleaned, and for a clean blank."""


class NotVerified(AgentRefused):
    """The instrument's verification is missing, overdue or failed: it measures no reference."""


class NotConfirmed(AgentRefused):
    """Eyewear was not confirmed for this shift, or the item's question was not answered."""


class PossiblyEnergetic(AgentRefused):
    """The sample is dark or possibly energetic: nothing is fired, the agency's procedure applies."""


class FormUsed(AgentRefused):
    """The one-shot token of a page was used before, or is none of ours."""


class NotSignedIn(AgentRefused):
    """Only an officer who is signed in may do that, and nobody is."""


class WrongBadgeOrPin(AgentRefused):
    """Badge and PIN do not belong together."""


class LockedOut(WrongBadgeOrPin):
    """Too many wrong tries: the next one has to wait, or needs a new PIN."""


class NothingOpen(AgentRefused):
    """No screening of that item is open at this bench."""


class WrongToken(AgentRefused):
    """The local token is missing or wrong."""


class ForeignOrigin(AgentRefused):
    """A form that did not come from one of our pages."""


class ForeignHost(AgentRefused):
    """A request for another host name: a page that rebinds its own name to this machine."""


class ShuttingDown(AgentRefused):
    """The agent is about to end and starts nothing new."""
