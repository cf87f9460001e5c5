"""Multipart forms, parsed as a stream."""
