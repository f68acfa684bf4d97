"""Push management of certificates (Part 12 v1.05 7.10): the ServerConfiguration object and what lies beneath it."""
