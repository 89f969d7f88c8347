"""What every megabyte of a bundle is for, and what to drop."""
