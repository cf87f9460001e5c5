"""Checks new and replaced files on a schedule and records every result."""
