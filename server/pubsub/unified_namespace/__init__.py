"""A Unified Namespace: each point a topic of the plant's hierarchy (IEC 62264-1), each value one plain JSON message."""
