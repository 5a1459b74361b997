"""The practice platform: two regions that speak the real wire protocols on loopback, in a process of their own."""
