"""Measured claims: ``python -m bench NAME`` prints JSON, each figure beside a peer measured in the same run."""
