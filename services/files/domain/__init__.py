"""The rules of files."""
