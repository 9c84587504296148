"""Where a design lands: targets, tool flows, metrics and netlist reading."""
