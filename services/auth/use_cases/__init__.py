"""What can be done with accounts, one module a topic. Routes and loops call these."""
