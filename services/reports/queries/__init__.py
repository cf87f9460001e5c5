"""What can be asked about files, checks and mails. A person sees only their own."""
