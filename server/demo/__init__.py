"""A whole plant on one machine: devices in processes of their own, a broker, the gateway, and what to look at."""
