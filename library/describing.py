"""Who is it: from a manifest row, a decoded file and the substance table to name, substance and form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from spectra.formats import Decoded
from spectra.references import Substance

from .manifest import Row, is_cas, is_inchikey
from .names import fold_name, split_form
from .substances import WATCHED_CLASSES, SubstanceTable, is_controlled

#: Labels that instruments make by themselves: a time or date, perhaps with a serial number.
_MACHINE_MADE = re.compile(r"[\d\s_:.,/-]*|\d{1,2}[_:.-]\d{2}[_:.-]\d{2}\b.*|\d{4}-?\d{2}-?\d{2}[ T_-].*")
#: Salts that are split off a name even where the table does not know the rest. Others ("sodium
#: citrate") may be the name itself.
_SURE_FORMS = frozenset({"hcl", "2hcl", "hydrochloride", "dihydrochloride", "hbr", "base", "freebase"})
#: Header fields, folded, that name who measured.
_OPERATOR = frozenset({"OPERATOR", "OPERATORNAME", "CNM", "USER", "USERNAME"})
#: Surface-enhanced Raman, as files and people write it.
_ENHANCED = re.compile(r"\bSERS\b|surface[\s-]?enhanced", re.IGNORECASE)
_VAPOUR = re.compile(r"gc[\s-]?(ft)?-?ir|vapou?r|\bgas\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Described:
    """What is known about one spectrum of a file besides its numbers."""

    substance: Substance
    """The substance under the name it was filed."""
    form: str
    """Salt or form; empty where nobody says."""
    measurement: str
    """How it was measured (``ATR``, ``GC-IR``); empty where nobody says."""
    preferred_name: str
    """Preferred name in the substance table; empty where it does not have the substance."""
    notes: tuple[str, ...]
    """What the person importing should check."""

    @property
    def unsettled(self) -> bool:
        """Whether neither table nor manifest says if the substance is controlled."""
        return not self.preferred_name and not self.substance.schedule

    @property
    def enhanced(self) -> bool:
        """Whether it is a surface-enhanced spectrum, whose bands are not those of the substance alone."""
        return bool(_ENHANCED.search(f"{self.measurement} {self.form}"))

    @property
    def vapour(self) -> bool:
        """Whether it is a spectrum of the vapour, whose bands are not those of the solid."""
        return bool(_VAPOUR.search(self.measurement))


def describe(file: str, decoded: Decoded, row: Row, table: SubstanceTable) -> Described:
    """Describe one spectrum of a file.

    The name is the manifest's, else the file's title or label, else the file name without its
    ending. The substance keeps that name; the table adds synonyms, class, schedule and
    identifiers, and the manifest wins over the table.

    Parameters
    ----------
    file
        File name, with its ending.
    decoded
        The spectrum and what the file says.
    row
        The manifest's row, empty but for its file where there is none.
    table
        The substance table.
    """
    said = {_key(key): value for key, value in decoded.meta.items()}
    name, form = (row.name, "") if row.name else _name_of_file(file, decoded, said, table)
    form = row.form or said.get("FORM", "") or form
    inchikey = row.inchikey or _checked(said.get("INCHIKEY", ""), is_inchikey)
    cas = row.cas or _checked(said.get("CASREGISTRYNO", ""), is_cas)
    known = table.resolve(name, form=form)
    other = table.by_identifier(inchikey=inchikey, cas=cas)
    found = known or other
    substance, notes = _substance(name, row, found, inchikey=inchikey, cas=cas)
    by_name = table.resolve(name)
    if by_name and other and by_name.inchikey and by_name.inchikey[:14] != other.inchikey[:14]:
        notes += (f"the name {name!r} is {by_name.name}, but its InChIKey or CAS number is {other.name}",)
    return Described(
        substance=substance,
        form=form,
        measurement=row.measurement or said.get("SAMPLINGPROCEDURE", ""),
        preferred_name=found.name if found else "",
        notes=notes,
    )


def origin_of(file: str, decoded: Decoded, row: Row) -> tuple[str, str, str]:
    """Return source, licence and instrument of a spectrum, as far as manifest and file say."""
    said = {_key(key): value for key, value in decoded.meta.items()}
    source = row.source or "; ".join(part for part in (f"file {file}", said.get("ORIGIN", "")) if part)
    licence = row.licence or (f"owner: {said['OWNER']}" if said.get("OWNER") else "")
    words = (said.get(key, "") for key in ("MODEL", "SERIALNUMBER", "SPECTROMETERDATASYSTEM"))
    return source, licence, " ".join(word for word in words if word)


def operators_of(decoded: Decoded) -> tuple[str, ...]:
    """Return who measured, where the file says so; OPUS calls it ``CNM``."""
    found = [value.strip() for key, value in decoded.meta.items() if _key(key) in _OPERATOR]
    return tuple(dict.fromkeys(name for name in found if name))


def _key(label: str) -> str:
    """Fold a header label: JCAMP-DX ignores case, blanks and ``-/_``; ``$`` marks private labels."""
    return re.sub(r"[^A-Z0-9]", "", label.upper())


def _checked(text: str, is_valid: Callable[[str], bool]) -> str:
    return text if is_valid(text) else ""


def _name_of_file(
    file: str, decoded: Decoded, said: Mapping[str, str], table: SubstanceTable
) -> tuple[str, str]:
    """Return the name a file gives its substance, and the form it ends in."""
    title = decoded.title.strip()
    stem = PurePosixPath(file).stem.replace("_", " ").strip()
    if title in {file, PurePosixPath(file).name} or _MACHINE_MADE.fullmatch(title):
        title = ""
    names = [title] if title else []
    names += [name.strip() for name in re.split(r"[;\n]", said.get("NAMES", "")) if name.strip()]
    names = names or [stem or file]
    for name in names:
        if table.resolve(name):
            return name, ""
        head, form = split_form(name)
        if form and table.resolve(head, form=form):
            return head, form
    head, form = split_form(names[0])
    return (head, form) if fold_name(form) in _SURE_FORMS else (names[0], "")


def _substance(
    name: str, row: Row, known: Substance | None, *, inchikey: str, cas: str
) -> tuple[Substance, tuple[str, ...]]:
    listed = [word.strip() for word in row.synonyms.split("|")]
    if known is None:
        bare = Substance(name=name, synonyms=_others(name, listed), source="manifest.csv" if row.name else "")
    else:
        bare = replace(known, name=name, synonyms=_others(name, [*listed, known.name, *known.synonyms]))
    substance_class = row.substance_class or bare.substance_class
    schedule, jurisdiction = bare.schedule, bare.jurisdiction
    notes: tuple[str, ...] = ()
    if row.schedule:
        schedule, jurisdiction = row.schedule, ""
        if bare.controlled and not is_controlled(schedule, substance_class):
            notes = (f"manifest.csv says schedule {schedule!r}; the table says {bare.schedule!r}",)
    elif known is None and substance_class in WATCHED_CLASSES:
        schedule = f"check (not in the substance table; class {substance_class})"
    controlled = (
        is_controlled(schedule, substance_class) if row.schedule or known is None else bare.controlled
    )
    return replace(
        bare,
        substance_class=substance_class,
        controlled=controlled,
        schedule=schedule,
        jurisdiction=jurisdiction,
        cas=cas or bare.cas,
        inchikey=inchikey or bare.inchikey,
    ), notes


def _others(name: str, names: list[str]) -> tuple[str, ...]:
    """Return names that are not the name itself, each once, in order."""
    seen = {fold_name(name), ""}
    kept = []
    for one in names:
        if fold_name(one) not in seen:
            seen.add(fold_name(one))
            kept.append(one)
    return tuple(kept)
