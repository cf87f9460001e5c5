"""What can be asked about files. A person sees only their own."""
