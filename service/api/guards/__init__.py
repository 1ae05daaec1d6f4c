"""What stands between the server and too much or too curious traffic: rates, logs, TLS."""
