"""The composition root: the OPC UA endpoint, subscriptions, history access, PubSub, the demo and the command line."""
