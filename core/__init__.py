"""What every room of Plantspace speaks: batches, the process image, quality, time, errors, settings and lifecycle."""
