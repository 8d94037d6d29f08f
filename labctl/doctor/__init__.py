"""Looks over a machine and a running lab: what is wrong, and which command mends it."""

from labctl.doctor.examination import Examination, examine
from labctl.doctor.finding import Check, Finding, Verdict

__all__ = ["Check", "Examination", "Finding", "Verdict", "examine"]
