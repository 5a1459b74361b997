"""What machines call, and the pages that must work before the websocket: health, metrics, sign-in, security headers."""
