"""What the server tells of itself, its sessions and their subscriptions (Part 5 v1.05 6.3.3 to 6.3.5)."""
