"""Operators on the stream of samples: they take batches and give batches."""
