"""Tables of what guards the server: limits, scopes of tokens."""
