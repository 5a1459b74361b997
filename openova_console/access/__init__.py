"""Who are you, and may you? Sign-in, sessions, roles, the ASGI gate and the event guard."""
