"""The compose tier: a real container engine, and stand-ins for the upstream images that cannot be pulled there."""
