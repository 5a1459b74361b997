"""How the console talks to each system of the platform: one file per system, facts out, narrow errors.

Adapters return frozen dataclasses with units and an `Exchange` for "Show source"; they never judge and never retry.
Everything that can go wrong with another system is a `Fault` (`errors.py`).
"""
