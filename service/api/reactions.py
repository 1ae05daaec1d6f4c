"""What follows from an event in its own transaction: rollups, reviews that come of themselves.

A reaction is called after its event was appended, with the change, the event's subject and its data. It may
write and record further events; where it fails, nothing of the transaction is kept.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .change import Change
from .measures import following
from .reviews.drawing import ask_about_alarm

Reaction = Callable[[Change, str, dict[str, Any]], None]

#: Kind of event → what follows from it, in order.
REACTIONS: Mapping[str, tuple[Reaction, ...]] = {
    "screening.opened": (following.count_parcel,),
    "result.accepted": (following.count_result,),
    "screening.completed": (following.count_parcel, ask_about_alarm),
    "screening.amended": (following.count_parcel, ask_about_alarm),
    "screening.superseded": (following.count_screening,),
    "link.made": (following.count_link,),
    "parcel.merged": (following.count_merged,),
    "disposition.recorded": (following.count_parcel,),
    "review.requested": (following.count_parcel,),
    "review.answered": (following.count_parcel,),
    "result.flagged": (following.count_flag,),
    "flag.reviewed": (following.count_flag,),
    "verification.recorded": (following.count_check,),
}
