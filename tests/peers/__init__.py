"""The wire against software that we did not write: real servers on loopback, and the adapters against them."""
