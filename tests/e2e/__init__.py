"""The live stack, asked from outside: the same tests in both runtimes."""
