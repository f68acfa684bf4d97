"""What is different between two states of a model: :func:`~nodesets.differences.comparing.differences`."""
