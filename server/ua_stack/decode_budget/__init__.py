"""What asyncua is to decode is walked first: nothing is made of it, and nothing that it claims is believed."""
