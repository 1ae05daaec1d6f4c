"""How methods and their files may be called; apart from what reads them, so that looking costs no time."""

import re

#: How a method may be called: its name becomes part of a file's.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

#: A method's file, with name and version.
METHOD_FILE = re.compile(rf"({NAME.pattern})@([1-9][0-9]{{0,4}})\.json")

#: Its library's file, named by the digest of what it holds.
LIBRARY_FILE = re.compile(r"library-[0-9a-f]{64}\.h5")


def check_name(name: str) -> str:
    """Return a method's name.

    Raises
    ------
    ValueError
        It cannot be one.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r:.80} cannot be a method's name: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, "
            "beginning with a letter or digit"
        )
    return name
