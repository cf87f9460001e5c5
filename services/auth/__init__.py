"""Accounts, sessions and tokens. The only place that knows an e-mail address."""
