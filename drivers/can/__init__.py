"""CAN: signals of a DBC file from a live bus or from a recorded log (ISO 11898-1; J1939 and NMEA 2000 by PGN)."""
