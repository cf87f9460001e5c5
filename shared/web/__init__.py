"""HTTP: the application factory, routes, problems, identity, calls to other services."""
