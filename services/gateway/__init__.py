"""Serves the web screens and the public API `/api/v1`. Has no database."""
