"""History in InfluxDB (docs/how-to/influxdb.md)."""
