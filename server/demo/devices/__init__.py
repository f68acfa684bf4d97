"""The demo's devices. They know nothing of the gateway: it meets them over their ports, as it would a plant's."""
