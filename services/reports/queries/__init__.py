"""What can be asked: files, checks, one report, mails. Everything only about the asking user."""
