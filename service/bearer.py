"""The token of this installation as the header of a request."""

from .errors import ServerUnreachable
from .settings import Settings


def bearer(settings: Settings) -> dict[str, str]:
    """Return the header with the token for the server, none where there is no token.

    Raises
    ------
    ServerUnreachable
        The token is none: two lines, or letters no token has. The HTTP library would quote it in its
        own error, which stands on pages and in logs.
    """
    token = settings.server_token
    if not token:
        return {}
    if not (token.isascii() and token.isprintable() and " " not in token):
        where = settings.token_path
        raise ServerUnreachable(f"the token for the server is damaged; put a new one into {where}")
    return {"Authorization": f"Bearer {token}"}
