"""``lab test``: sets up what each tier of tests needs, runs it, and says what was skipped and why."""
