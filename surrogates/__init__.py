"""What is predicted before it is measured: schema, graphs, models, calibration."""
