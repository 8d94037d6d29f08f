"""The two ways to run the lab: containers under an engine, or the same servers as local processes."""
