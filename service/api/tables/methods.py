"""Tables of methods whose files the server keeps as evidence."""
