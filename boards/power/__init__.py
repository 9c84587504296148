"""Power from switching activity: of mapped ASIC netlists, of FPGA designs, and in closed form."""
