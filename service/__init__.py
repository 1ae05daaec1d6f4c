"""People and machines: bench agent, command line, HTTP API, pages and scan archive."""
