"""PubSub as OPC UA nodes (Part 14 v1.05, 9): the PublishSubscribe object, its methods and what they have configured."""
