"""Errors of stored methods; they are errors of the package ``library``.

::

    LibraryError
    ├── EntryNotFound
    │   └── MethodNotFound        no stored method of that name or version
    └── LibraryFormatError
        └── MethodDamaged         a stored method, or a list it is made from, is damaged or not one
"""

from .errors import EntryNotFound, LibraryFormatError


class MethodNotFound(EntryNotFound):
    """No method of that name, or that version of it, is stored here."""


class MethodDamaged(LibraryFormatError):
    """A stored method is damaged, altered, of another format, or larger than one may be."""
