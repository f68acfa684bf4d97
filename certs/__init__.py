"""The gateway's own certificate and the certificates of others that it trusts."""
