"""The loop over due mail: prepares mails, delivers them, hands on the outcomes."""
