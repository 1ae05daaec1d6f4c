"""The one-page report of a result, as PDF."""
