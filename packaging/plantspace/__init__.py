"""Plantspace, an industrial IoT gateway around one OPC UA address space."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
