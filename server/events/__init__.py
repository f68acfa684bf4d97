"""Events: made by the gateway, filtered as clients ask, queued for each monitored item."""
