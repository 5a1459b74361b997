"""Figures beside their limits: `make bench`. Each module measures one thing and returns rows."""
