"""The whole product on one machine, without Docker: `python -m deploy.local serve`."""
