"""Backups of a server: one file of one documented form, for both kinds of database."""
