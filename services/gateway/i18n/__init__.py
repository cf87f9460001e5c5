"""Translations and formats of the screens."""
