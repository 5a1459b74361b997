"""What an operator types: `python -m openova_console …`. Thin: parse, call, print."""
