"""Packs what somebody who helps needs to see, and nothing that must stay on this machine."""

from labctl.bundle.packing import Packed, pack

__all__ = ["Packed", "pack"]
