"""The nodes that the gateway serves: held leanly, answered by Part 4's view, attribute and node management services."""
