"""What follows from an event in its own transaction: rollups, reviews that come of themselves.

A reaction is called after its event was appended, with the change, the event's subject and its data. It may
write and record further events; where it fails, nothing of the transaction is kept.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .change import Change

Reaction = Callable[[Change, str, dict[str, Any]], None]

#: Kind of event → what follows from it, in order.
REACTIONS: Mapping[str, tuple[Reaction, ...]] = {}
