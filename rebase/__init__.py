"""RHOAI model serving, rebased for MicroShift."""

__version__ = "0.1.0"
