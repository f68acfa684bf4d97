"""Brings history in from outside: tables (CSV, Parquet) and upstream servers' HistoryRead (docs/decisions/0016)."""
