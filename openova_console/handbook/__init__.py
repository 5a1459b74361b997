"""The handbook's rules: pure functions and frozen dataclasses, one file per chapter. No I/O, no clock, no framework."""
