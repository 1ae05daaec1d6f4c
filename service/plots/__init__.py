"""Pictures of spectra and answers: PNG and SVG through matplotlib's Agg canvas, and dots for a terminal.

`scene_of` gathers what a picture of an answer shows, `identification_picture` and `terminal_answer` draw
it. The same spectra give the same bytes. matplotlib is imported when the first picture is drawn.
"""

from .answer import identification_picture
from .canvas import Kind, kind_of
from .overlay import spectrum_picture
from .scene import Scene, scene_of
from .style import MAX_CURVES
from .terminal import terminal_answer, terminal_plot

__all__ = [
    "MAX_CURVES",
    "Kind",
    "Scene",
    "identification_picture",
    "kind_of",
    "scene_of",
    "spectrum_picture",
    "terminal_answer",
    "terminal_plot",
]
