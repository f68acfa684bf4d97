"""Sparkplug B 3.0 (Eclipse Sparkplug Specification 3.0.0): the gateway as an edge node, DataSets as its devices."""
