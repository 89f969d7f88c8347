"""What was asked for and what it grew to: programs, and the mirror of files with the reason for each."""
