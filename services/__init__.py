"""Six independent programs that meet in `shared.contracts` and over HTTP."""
