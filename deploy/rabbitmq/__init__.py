"""What a RabbitMQ server needs before the services can use it."""
