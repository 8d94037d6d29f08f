"""What the logging commands do, without the command line: queries, self-test, patterns, statistics, export."""
