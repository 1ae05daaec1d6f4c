"""What a band usually is, in words a report may print."""

from .values import Technique

#: Lowest and highest position (cm⁻¹) and what vibrates. Infrared: measured on ATR spectra of fentanyl,
#: carfentanil, acetyl-, acryl-, furanyl- and furanylethylfentanyl and of flunitazene in the ENFSI Drugs
#: Working Group IR library (sampled every 7 to 8 cm⁻¹, so ± 4), assignments by general infrared knowledge.
#: Raman: ring modes as named by Öberg 2024 (10.1002/jrs.6643), He 2023 and Muneer 2024 for fentanyls,
#: the amide by general knowledge. A band here is a hint, not a proof: other groups absorb there too.
ASSIGNMENTS: dict[Technique, tuple[tuple[float, float, str], ...]] = {
    Technique.FTIR: (
        (694.0, 716.0, "mono-substituted phenyl"),
        (1326.0, 1340.0, "nitro or C–N"),
        (1486.0, 1503.0, "aromatic ring"),
        (1504.0, 1530.0, "nitro or ring"),
        (1585.0, 1603.0, "aromatic ring"),
        (1604.0, 1619.0, "C=C or ring"),
        (1620.0, 1670.0, "amide C=O"),
        (1725.0, 1755.0, "ester C=O"),
    ),
    Technique.RAMAN: (
        (996.0, 1008.0, "phenyl ring breathing"),
        (1022.0, 1036.0, "phenyl C–H in plane"),
        (1325.0, 1350.0, "nitro or CH₂"),
        (1592.0, 1612.0, "aromatic ring"),
        (1630.0, 1670.0, "amide C=O"),
    ),
}

#: What a band is called that the table does not know.
UNASSIGNED = "band"


def assignment(position: float, technique: Technique) -> str:
    """Return what usually vibrates at a position (cm⁻¹), `UNASSIGNED` where the table says nothing."""
    for low, high, words in ASSIGNMENTS[technique]:
        if low <= position <= high:
            return words
    return UNASSIGNED
