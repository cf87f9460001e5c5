"""From the event table to the broker: the table is the outbox."""
