"""What must survive: tables, sessions and the history of what was measured. Nothing is opened at import time."""
