"""Modbus TCP: coils, discrete inputs, input and holding registers of one unit. See README.md."""
