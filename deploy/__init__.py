"""Ways of running Prereview: on one machine without Docker (`local`), or with Docker Compose."""
