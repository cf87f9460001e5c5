"""What the mails say and look like: one folder a kind of mail, pure functions only."""
