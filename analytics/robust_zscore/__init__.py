"""The robust z-score: how far a value lies from the median of the last ones, in robust standard deviations."""
