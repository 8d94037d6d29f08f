"""What a trace says: its tree, its critical path, its gaps; and finding the right trace."""
