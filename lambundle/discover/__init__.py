"""Dependencies of a program beyond DT_NEEDED, by evidence and rules."""
