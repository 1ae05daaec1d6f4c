"""The map of references that cannot be told apart: dendrogram above, ordered distances below."""

import numpy as np

from library.confusability import FAR, Confusability

from .canvas import Kind, new_figure, rendered
from .style import drawable

#: References whose names are written; of more only the groups' are readable in the text.
MOST_NAMES = 120
#: Inches for each name, and the least height.
NAME, LEAST = 0.11, 5.0


def confusability_picture(found: Confusability, kind: Kind) -> bytes:
    """Draw a map of confusability.

    Dark means confused; the line in the scale and in the dendrogram is where two references begin to be
    told apart. Both parts share the order of the dendrogram's leaves.

    Parameters
    ----------
    found
        The map.
    kind
        ``png`` or ``svg``.
    """
    from scipy.cluster.hierarchy import dendrogram

    count = len(found.entries)
    names = [drawable(entry.substance.name, 28) for entry in found.entries]
    figure = new_figure(max(LEAST, 2.5 + NAME * min(count, MOST_NAMES)))
    tall = figure.get_figheight()
    above, below = figure.subplots(
        2,
        1,
        gridspec_kw={
            "height_ratios": (1.6, tall - 1.6),
            "hspace": 0.03,
            "left": 0.24,
            "right": 0.88,
            "top": 1 - 0.4 / tall,
            "bottom": 0.15 / tall,
        },
    )
    drawn = dendrogram(found.tree, no_plot=True)
    for x, y in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        # SciPy puts leaf number k at 10·k + 5.
        above.plot((np.asarray(x) - 5.0) / 10.0, y, color="#333333", linewidth=0.8)
    above.axhline(1.0, color="#D55E00", linewidth=0.9, linestyle="--")
    above.set_xlim(-0.5, count - 0.5)
    above.set_ylim(0.0, FAR * 1.03)
    above.set_xticks([])
    above.set_ylabel("distance", fontsize=8)
    above.tick_params(labelsize=7)
    above.set_title(
        f"{found.technique}: told apart at SNR {found.snr:g} and {found.resolution_cm1:g} cm⁻¹? "
        "Below 1 (dashed) two references are confused.",
        fontsize=9,
    )
    image = below.imshow(found.distance, cmap="cividis", vmin=0.0, vmax=FAR, aspect="auto", rasterized=True)
    below.set_xticks([])
    if count <= MOST_NAMES:
        below.set_yticks(range(count), names, fontsize=6)
        for label in below.get_yticklabels():
            label.set_parse_math(False)
    else:
        below.set_yticks([])
    place = below.get_position()
    scale = figure.add_axes((0.90, place.y0, 0.02, place.height))
    figure.colorbar(image, cax=scale)
    scale.axhline(1.0, color="#D55E00", linewidth=1.5)
    scale.tick_params(labelsize=7)
    return rendered(figure, kind)
