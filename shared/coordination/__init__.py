"""Advisory locks of Postgres by which the copies of a service agree on who does what."""
