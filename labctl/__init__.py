"""The operator's side of OpsLab: command line, console, runtimes, checks."""
