"""Values without I/O: requests, job records, service tasks and their metadata."""
