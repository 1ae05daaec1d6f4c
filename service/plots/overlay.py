"""Spectra drawn over each other."""

from collections.abc import Sequence

from spectra.values import Spectrum

from .canvas import Kind, draw_curve, dress, new_figure, plain_legend, rendered
from .style import MAX_CURVES, X_LABEL, drawable


def spectrum_picture(
    spectra: Sequence[Spectrum], labels: Sequence[str], *, title: str = "", kind: Kind = "png"
) -> bytes:
    """Draw spectra over each other.

    Parameters
    ----------
    spectra
        One to `MAX_CURVES` of one technique.
    labels
        One for each.
    title
        Heading; empty for none.
    kind
        ``png`` or ``svg``.

    Returns
    -------
    bytes
        The picture; the same spectra give the same bytes.

    Raises
    ------
    ValueError
        No spectra, too many, of several techniques, or not one label for each.
    """
    if not 1 <= len(spectra) <= MAX_CURVES or len(labels) != len(spectra):
        raise ValueError(f"a picture needs 1 to {MAX_CURVES} spectra and a label for each")
    if len({spectrum.technique for spectrum in spectra}) > 1:
        raise ValueError("Raman and infrared spectra do not share a picture: show them one by one")
    figure = new_figure(4.5)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for place, (spectrum, label) in enumerate(zip(spectra, labels, strict=True)):
        draw_curve(axes, spectrum.axis, spectrum.intensity, label, place)
    technique = spectra[0].technique
    dress(axes, technique)
    axes.set_xlabel(X_LABEL[technique], fontsize=9)
    if title:
        axes.set_title(drawable(title), fontsize=10, parse_math=False)
    plain_legend(axes, loc="best")
    return rendered(figure, kind)
