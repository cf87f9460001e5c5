"""The tables that commands write besides events: contents, idempotency keys, upload buckets."""
