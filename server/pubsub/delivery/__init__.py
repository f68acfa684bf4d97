"""From the outbox to the brokers: a stream for each connection and class, on a link that they share."""
