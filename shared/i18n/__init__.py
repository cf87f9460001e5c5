"""What pages and mails share to speak the reader's language: catalogues, numbers and times."""
