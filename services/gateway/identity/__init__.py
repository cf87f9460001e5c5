"""Authentication: sessions, cookies, client information."""
