"""How a design behaves: co-simulation of exported Verilog and whole-workload models."""
