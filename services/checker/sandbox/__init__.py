"""Runs untrusted programs: isolated, with limits, in private folders."""
