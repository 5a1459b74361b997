"""OpenOva Console: the control room of a two-region Kubernetes platform."""

__version__ = "0.1.0"
