"""Our own MQTT client, 3.1.1 and 5.0: packets, transports, a link that lives once, a connection that is kept up."""
