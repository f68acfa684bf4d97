"""Faults many times over: what a test run has no time for (``make torture``)."""
