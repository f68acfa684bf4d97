"""The parts of a supervisor: its clock, schedule, guard, freshness of values, write-back and diagnostics."""
