"""Long proofs: what the lab promises, shown on a running lab for longer than a test may take."""
