"""TLS by files: a certificate chain and its key, checked before the server listens."""

import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificate and key are."""

    certificate: Path
    """PEM file with the server's certificate and those between it and a root."""
    key: Path
    """PEM file with its private key, readable by its owner only, without a passphrase."""

    def check(self) -> None:
        """Raise `UsageError` unless the files fit together and nobody else can read the key."""
        try:
            mode = self.key.stat().st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(f"{self.key} can be read by others: chmod 600 it")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            # A key with a passphrase would wait at a prompt for ever.
            context.load_cert_chain(self.certificate, self.key, password=_refuse)
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            raise UsageError(
                f"certificate {self.certificate} and key {self.key} cannot be used: {reason}"
            ) from error


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Return the checked files of a certificate and its key; None where neither is given.

    Raises
    ------
    UsageError
        Only one is given, they do not fit, or others can read the key.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise UsageError("TLS needs both --tls-cert and --tls-key")
    files = TlsFiles(certificate, key)
    files.check()
    return files


def _refuse() -> str:
    raise UsageError("the key has a passphrase; give the server one without, readable by its owner only")
