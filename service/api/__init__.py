"""The server: parcels, screenings, scans, results and events over HTTP."""
