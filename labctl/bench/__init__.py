"""Measures what the lab promises in numbers, and puts it beside the goals."""
