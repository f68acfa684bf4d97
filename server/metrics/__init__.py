"""The gateway's counts for Prometheus and other collectors of OpenMetrics, over HTTP."""
