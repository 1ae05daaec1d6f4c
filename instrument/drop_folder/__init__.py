"""Closed handhelds: their exported files, taken from a folder or a mounted drive.

The folder is read and nothing else: nothing in it is ever written, renamed or removed.
"""

from .arrivals import Arrival, arrival_scans
from .intake import Intake, PassReport
from .source import PARAMS, Source
from .watch import FolderWatch, Group, Look

__all__ = [
    "PARAMS",
    "Arrival",
    "FolderWatch",
    "Group",
    "Intake",
    "Look",
    "PassReport",
    "Source",
    "arrival_scans",
]
