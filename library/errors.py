"""Errors of the package ``library``.

::

    LibraryError
    ├── LibraryFormatError (ValueError)       not a library, damaged, or beyond its bounds
    ├── LibraryVersionError (ValueError)      a library of another format version
    ├── LibraryNotFound (FileNotFoundError)   no library there
    ├── LibraryExists (FileExistsError)       a library is there already; it was left alone
    ├── LibraryUnreadable (OSError)           the file is there, the system will not let us read it
    ├── LibraryNotWritten (OSError)           the library could not be written; the old one is untouched
    ├── LibraryBusy (TimeoutError)            another program is changing libraries in this folder
    ├── EntryNotFound (LookupError)           no such entry in a library
    ├── EditRefused (ValueError)              facts that cannot be changed like that
    ├── DraftError (ValueError)               a draft of a reference cannot be read or continued
    ├── AuthenticationRefused (ValueError)    nobody can vouch for a reference like that
    ├── TableError (ValueError)               a shipped fact table is damaged
    └── ImportRefused (ValueError)            a folder nothing can be imported from
        └── ManifestError                     its manifest.csv cannot be followed
"""


class LibraryError(Exception):
    """Base of every error raised by ``library``."""


class LibraryFormatError(LibraryError, ValueError):
    """A file is not a library, is damaged, or is larger than a library may be."""


class LibraryVersionError(LibraryError, ValueError):
    """A library was written in another version of the format."""


class LibraryNotFound(LibraryError, FileNotFoundError):
    """There is no library at that path."""


class LibraryExists(LibraryError, FileExistsError):
    """There is a file at that path already; it was left alone."""


class LibraryUnreadable(LibraryError, OSError):
    """The file is there, but the operating system will not let us read it."""


class LibraryNotWritten(LibraryError, OSError):
    """The library could not be written; what was there before is untouched."""


class LibraryBusy(LibraryError, TimeoutError):
    """Another program has been changing a library in this folder for too long."""


class EntryNotFound(LibraryError, LookupError):
    """A library has no such entry, or more than one that could be meant."""


class EditRefused(LibraryError, ValueError):
    """The facts of an entry cannot be changed like that; nothing was changed."""


class DraftError(LibraryError, ValueError):
    """A draft of a measured reference cannot be read or continued; it was left as it was."""


class AuthenticationRefused(LibraryError, ValueError):
    """Nobody can vouch for a draft or a reference like that: what is missing is said; nothing was changed."""


class TableError(LibraryError, ValueError):
    """A fact table shipped with the program is missing or damaged."""


class ImportRefused(LibraryError, ValueError):
    """Nothing can be imported from a folder."""


class ManifestError(ImportRefused):
    """The ``manifest.csv`` of a folder cannot be followed."""
