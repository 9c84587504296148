"""What to choose: workloads, search, measurement ladder, reports and the command line."""
