"""The command-line programs: argument parsing and output; what they show is made on the floors below."""
