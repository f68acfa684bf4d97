"""What this room raises."""

from __future__ import annotations

from core.errors import PlantspaceError


class CertificateError(PlantspaceError):
    """A certificate, key or list cannot be used; the message names it and the mend."""
