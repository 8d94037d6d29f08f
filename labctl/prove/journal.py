"""What a proof has shown so far, on disk after every step, with the commit it was shown on."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.prove.proof import Proof, StepResult


@dataclass(frozen=True)
class Journal:
    """The results of one proof on one commit. A file of another commit is kept beside it, under that commit's name."""

    file: Path
    proof: str
    commit: str
    steps: dict[str, Mapping[str, Any]]

    @classmethod
    def open(cls, folder: Path, proof: Proof, commit: str, *, fresh: bool) -> "Journal":
        """Go on with what is there, unless ``fresh`` or shown on another commit."""
        file = folder / f"{proof.name}-{commit}.json"
        known: dict[str, Any] = {}
        if file.is_file() and not fresh:
            known = json.loads(file.read_text(encoding="utf-8")).get("steps", {})
        return cls(file, proof.name, commit, known)

    def has(self, step: str) -> bool:
        """Whether the step was done and held; one that failed is shown again."""
        return bool(self.steps.get(step, {}).get("passed"))

    def write(self, step: str, result: StepResult, duration_s: float, facts: Mapping[str, object], whole: int) -> None:
        """Add a step. The file is replaced whole, so that a killed run leaves the one before."""
        self.steps[step] = {
            "passed": result.passed,
            "at_unix_s": int(time.time()),
            "duration_s": round(duration_s, 1),
            "figures": dict(result.figures),
        }
        document = {
            "proof": self.proof,
            "commit": self.commit,
            "machine": dict(facts),
            "steps_of_the_whole_proof": whole,
            "steps_done": len(self.steps),
            "steps": self.steps,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.file.with_suffix(".new")
        scratch.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        scratch.replace(self.file)
