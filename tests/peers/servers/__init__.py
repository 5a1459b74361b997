"""One file per real server: how to start it, how to break it, how to stop it."""
