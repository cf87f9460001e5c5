"""HTTP: middleware, guards, headers, limits, server-sent events."""
