"""Fetches the events that the broker has lost from the services that published them."""
