"""The plain form: Celery on Redis checks files with one ruff each, and mails each result."""
