"""An operation of a request that is refused while the others are served."""

from __future__ import annotations

from core.errors import PlantspaceError


class ItemRefusedError(PlantspaceError):
    """An item cannot be made or changed; ``status`` is its StatusCode."""

    def __init__(self, status: int, result: bytes | None = None) -> None:
        """Keep the StatusCode, and the encoded result of its filter where there is one."""
        self.status = status
        self.result = result
        super().__init__(f"0x{status:08X}")
