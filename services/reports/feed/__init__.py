"""The feed: server-sent events about the changes of a user's files, checks and mails."""
