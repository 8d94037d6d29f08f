"""The servers of the native runtime: found on the PATH, or built once from pinned sources and kept in a cache."""

from labctl.native.provision import ServerState, clean, ensure, locate, removable, require, status

__all__ = ["ServerState", "clean", "ensure", "locate", "removable", "require", "status"]
