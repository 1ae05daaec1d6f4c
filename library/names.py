"""Chemical names: when two spellings are one name, and which words at the end are a salt or form."""

import re
import unicodedata

_SEPARATORS = re.compile(r"[\s\-_\u2010-\u2015\u2212]+")
_PRIMES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02b9": "'", "\u2032": "'", "`": "'"})
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ω": "omega"}
#: IUPAC recommends "sulf" over the British "sulph" (Nature Chemistry 1, 333, 2009).
_SPELLINGS = (("sulph", "sulf"), ("aluminium", "aluminum"), ("caesium", "cesium"))

#: Words that end a label and name the salt or form, as folded by `fold_name`, and the word tables use.
FORMS = {
    "hcl": "hydrochloride",
    "hydrochloride": "hydrochloride",
    "2hcl": "dihydrochloride",
    "dihydrochloride": "dihydrochloride",
    "hbr": "hydrobromide",
    "hydrobromide": "hydrobromide",
    "base": "base",
    "freebase": "base",
    "sulfate": "sulfate",
    "citrate": "citrate",
    "oxalate": "oxalate",
    "maleate": "maleate",
    "fumarate": "fumarate",
    "tartrate": "tartrate",
    "phosphate": "phosphate",
}


def fold_name(name: str) -> str:
    """Return what two spellings of one name have in common.

    Case, spaces, hyphens and underscores are dropped, typographic primes and Greek letters
    spelled out, British spellings of *sulf-* and of two metals made American. Locants, primes
    and commas stay: 3-fluorofentanyl and 3'-fluorofentanyl are two substances.
    """
    folded = unicodedata.normalize("NFKC", name).translate(_PRIMES).casefold()
    for letter, word in _GREEK.items():
        folded = folded.replace(letter, word)
    folded = _SEPARATORS.sub("", folded)
    for british, american in _SPELLINGS:
        folded = folded.replace(british, american)
    return folded


def split_form(name: str) -> tuple[str, str]:
    """Split a salt or form off the end of a name: ``4-ANPP base`` is (``4-ANPP``, ``base``).

    The second is empty where the name ends in no such word, or is nothing else.
    """
    head, _, last = name.replace("_", " ").strip().rpartition(" ")
    if head.strip() and fold_name(last) in FORMS:
        return head.strip(), last
    return name.strip(), ""


def sort_key(name: str) -> tuple[str, str]:
    """Return what sorts names as people expect, and always the same: two that differ in case do not tie."""
    return name.casefold(), name


def slug(name: str) -> str:
    """Return a name as lower-case ASCII words joined by hyphens, at most 60 characters, never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "unnamed"
