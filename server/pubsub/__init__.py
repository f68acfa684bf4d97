"""PubSub (Part 14 v1.05): DataSets as JSON NetworkMessages over MQTT, in the outbox until the broker has them."""
