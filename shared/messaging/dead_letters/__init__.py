"""Messages that could not be handled, kept at the broker for an operator."""
