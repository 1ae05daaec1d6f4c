"""Bearer tokens: made, found and revoked."""
