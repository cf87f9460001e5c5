"""Checks files with ruff: sources, runs, diagnostics."""
